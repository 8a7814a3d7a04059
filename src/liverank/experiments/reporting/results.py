"""The metrics of a report: their values over the looks, with p-values corrected by Holm."""

import math
from collections.abc import Sequence

import msgspec

from liverank.experiments.analysis.results import MetricResult, correct
from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.gathering.views import Days
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.course import Course
from liverank.experiments.reporting.effects import effect_of
from liverank.experiments.reporting.facts import LookFact, MetricFact, Novelty, VariantResult
from liverank.experiments.reporting.novelty import novelty_of
from liverank.experiments.reporting.report_input import ReportInput
from liverank.experiments.reporting.sequence import Pair, Track, planned_looks, watched
from liverank.experiments.reporting.series import Series

Tracks = dict[tuple[str, str], Track]
"""Tracks by the names of metric and variant."""


def tracks_of(
    series: Series,
    inputs: ReportInput,
    metrics: Sequence[Metric],
    arms: Sequence[str],
    course: Course,
) -> Tracks:
    """Every metric of every variant over the looks; ``arms`` begin with the control."""
    clock = [course.clock(at_ms) for at_ms in series.moments_ms]
    planned = math.ceil((course.planned_end_ms - course.start_ms) / course.looks_ms)
    guards = {guard.name for guard in inputs.guardrails}
    control, *variants = arms
    tracks = {}
    for metric in metrics:
        for variant in variants:
            pairs: list[Pair] = [
                (look[metric.name, control], look[metric.name, variant])
                for look in series.summaries
            ]
            alpha = inputs.experiment.alpha
            tracks[metric.name, variant] = (
                watched(metric, pairs, planned, alpha=alpha)
                if metric.name in guards
                else planned_looks(metric, pairs, clock, alpha=alpha)
            )
    return tracks


def results_of(
    tracks: Tracks, metrics: Sequence[Metric], inputs: ReportInput
) -> dict[tuple[str, str], MetricResult]:
    """The results for the decision, with corrected p-values, in the order of metrics."""
    guards = {guard.name for guard in inputs.guardrails}
    by_name = {metric.name: metric for metric in metrics}
    results = [
        MetricResult(
            variant=variant,
            metric=name,
            comparison=track.last,
            p=track.p,
            direction=by_name[name].direction,
            is_guardrail=name in guards,
            margin=inputs.margins.get(name),
        )
        for (name, variant), track in tracks.items()
    ]
    return {(one.metric, one.variant): one for one in correct(results)}


def novelties_of(
    gathered: Gathered,
    days: Days,
    metrics: Sequence[Metric],
    arms: Sequence[str],
    until_ms: float,
) -> dict[tuple[str, str], Novelty | None]:
    """The effect by days since exposure, for metrics that can be computed for one day."""
    control, *variants = arms
    return {
        (metric.name, variant): novelty_of(
            gathered, days, metric, (control, variant), until_ms=until_ms
        )
        for metric in metrics
        if metric.daily
        for variant in variants
    }


def metric_facts(
    metrics: Sequence[Metric],
    tracks: Tracks,
    results: dict[tuple[str, str], MetricResult],
    novelties: dict[tuple[str, str], Novelty | None],
    inputs: ReportInput,
    course: Course,
    moments_ms: Sequence[float],
) -> tuple[MetricFact, ...]:
    """The metrics in the form of the report."""
    guards = {guard.name for guard in inputs.guardrails}
    # seed metrics without events in the log have no track
    primary = next((one.name for one in metrics if one.name not in guards), None)
    facts = []
    for metric in metrics:
        variants = tuple(
            _variant(
                track,
                results[key],
                novelties.get(key),
                course,
                moments_ms,
                alpha=inputs.experiment.alpha,
            )
            for key, track in tracks.items()
            if key[0] == metric.name
        )
        facts.append(
            MetricFact(
                name=metric.name,
                role="guardrail"
                if metric.name in guards
                else "primary"
                if metric.name == primary
                else "metric",
                direction=metric.direction,
                description=metric.description,
                margin=inputs.margins.get(metric.name),
                variants=variants,
            )
        )
    return tuple(facts)


def distrusted(metrics: Sequence[MetricFact]) -> tuple[MetricFact, ...]:
    """The metrics of a broken split: their numbers without a verdict."""

    def without_verdict(variant: VariantResult) -> VariantResult:
        return msgspec.structs.replace(variant, verdict="not to be trusted", significant=False)

    return tuple(
        msgspec.structs.replace(metric, variants=tuple(map(without_verdict, metric.variants)))
        for metric in metrics
    )


def _variant(
    track: Track,
    result: MetricResult,
    novelty: Novelty | None,
    course: Course,
    moments_ms: Sequence[float],
    *,
    alpha: float,
) -> VariantResult:
    first = track.crossed_first
    return VariantResult(
        variant=result.variant,
        effect=effect_of(track.last),
        p=result.p,
        adjusted_p=result.adjusted_p,
        significant=result.adjusted_p < alpha,
        crossed_ms=None if first is None else int(moments_ms[first.number]),
        variance_saved=track.last.variance_saved,
        verdict=_verdict(result, alpha),
        looks=tuple(
            LookFact(
                at_ms=int(moments_ms[look.number]),
                day=round((moments_ms[look.number] - course.start_ms) / DAY_MS, 3),
                effect=effect_of(look.comparison),
                z=look.z,
                bound=look.bound,
                crossed=look.is_crossed,
            )
            for look in track.looks
        ),
        novelty=novelty,
    )


def _verdict(result: MetricResult, alpha: float) -> str:
    if result.is_guardrail:
        return result.guard
    if math.isnan(result.p):
        return "cannot be decided"
    if result.adjusted_p < alpha:
        return "better" if result.gain > 0 else "worse"
    return "no difference proven"
