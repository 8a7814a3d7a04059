"""Computes the report of an experiment from the log, the config and a time.

Invariant: the same log, config and time give the same report, byte for byte.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from liverank.config_experiments import HOLDOUT
from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.gathering.views import Days, needs_of
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.reporting.course import Course
from liverank.experiments.reporting.effects import effect_of
from liverank.experiments.reporting.facts import (
    DecisionFact,
    HoldoutFact,
    Report,
    SplitFact,
    State,
)
from liverank.experiments.reporting.report_input import ReportInput
from liverank.experiments.reporting.results import (
    distrusted,
    metric_facts,
    novelties_of,
    results_of,
    tracks_of,
)
from liverank.experiments.reporting.segments import segments_of
from liverank.experiments.reporting.sentences import how_of, notes_of, utc_day
from liverank.experiments.reporting.series import Series, series_of
from liverank.experiments.reporting.splits import split_of
from liverank.experiments.reporting.verdict import decision_of

_LEVEL = 0.95


def report_of(inputs: ReportInput, frames: Iterable[pl.DataFrame]) -> Report:
    """The report, from the log's frames with the columns ``inputs.wanted().columns``."""
    gathered = gather(frames, inputs.wanted())
    arms = tuple(inputs.shares)
    exposed = [gathered.exposed_ms[gathered.arms.of(name)] for name in arms]
    first = min((int(times[0]) for times in exposed if len(times)), default=inputs.now_ms)
    course = inputs.course(first)
    moments = course.looks()
    if not moments or first > moments[-1]:
        return _base(inputs, gathered, course, decision=_early(gathered, course))
    metrics = [metric for metric in inputs.all_metrics if not _is_absent(metric, inputs, gathered)]
    needs = needs_of(gathered, metrics)
    held_out = [HOLDOUT] if HOLDOUT in gathered.arms.names else []
    series = series_of(gathered, metrics, needs, moments, [*arms, *held_out])
    tracks = tracks_of(series, inputs, metrics, arms, course)
    results = results_of(tracks, metrics, inputs)
    novelties = novelties_of(gathered, Days(gathered, needs), metrics, arms, moments[-1])
    split = _split(gathered, series, inputs)
    facts = metric_facts(metrics, tracks, results, novelties, inputs, course, moments)
    if not split.ok:
        facts = distrusted(facts)
    primary = next((metric for metric in metrics if metric.name not in inputs.margins), None)
    return _base(
        inputs,
        gathered,
        course,
        decision=decision_of(inputs, list(results.values()), split, facts, course, series),
        split=split,
        metrics=facts,
        segments=() if primary is None else segments_of(gathered, series, primary, arms),
        holdout=() if primary is None else _holdout(series, primary, arms),
    )


def _base(
    inputs: ReportInput, gathered: Gathered, course: Course, *, decision: DecisionFact, **parts: Any
) -> Report:
    """A report with the facts that are known from the start."""
    control, *variants = inputs.shares
    sizes = gathered.arms.sizes()
    state: State = "running"
    if course.is_over:
        state = "ended" if course.until_ms >= course.planned_end_ms else "stopped"
    elif inputs.now_ms < course.start_ms or not gathered.units:
        state = "not started"
    empty: dict[str, Any] = {"split": None, "metrics": (), "segments": (), "holdout": ()}
    return Report(
        experiment=inputs.name,
        now_ms=inputs.now_ms,
        start_ms=int(course.start_ms),
        planned_end_ms=int(course.planned_end_ms),
        until_ms=int(course.until_ms),
        state=state,
        control=control,
        variants=tuple(variants),
        alpha=inputs.experiment.alpha,
        units=sum(sizes.get(name, 0) for name in inputs.shares),
        units_by_arm={
            name: sizes.get(name, 0)
            for name in (*inputs.shares, HOLDOUT)
            if name in inputs.shares or name in sizes
        },
        exposures=gathered.rankings,
        decision=decision,
        notes=notes_of(inputs, gathered, course),
        how=how_of(inputs, gathered, course),
        **{**empty, **parts},
    )


def _early(gathered: Gathered, course: Course) -> DecisionFact:
    """The decision before the first look: wait."""
    first = int(course.start_ms + course.looks_ms)
    sentence = f"Wait: the first look is due on {utc_day(first)}."
    if not gathered.units:
        sentence = "Wait: nobody has been exposed yet."
    return DecisionFact(
        action="wait",
        sentence=sentence,
        variant=None,
        reasons=(),
        changes=(),
        until_ms=first if gathered.units else None,
        until_users=None,
    )


def _is_absent(metric: Metric, inputs: ReportInput, gathered: Gathered) -> bool:
    """Whether a metric was not requested, and the log has no events for it."""
    types = [text for need in metric.needs() for text in need.types]
    return metric.name in inputs.seeded and not all(gathered.counts.get(one) for one in types)


def _split(gathered: Gathered, series: Series, inputs: ReportInput) -> SplitFact:
    counts = series.counts[:, : len(inputs.shares)]
    days = [utc_day(at_ms) for at_ms in series.moments_ms]
    return split_of(gathered, counts, days, inputs.shares)


def _holdout(series: Series, metric: Metric, arms: Sequence[str]) -> tuple[HoldoutFact, ...]:
    """Each variant compared with the holdout by the primary metric; no decision depends on it."""
    last = series.summaries[-1]
    if HOLDOUT not in series.arms:
        return ()
    units = int(series.counts[-1, series.arms.index(HOLDOUT)])
    found = []
    for variant in arms[1:]:
        comparison = metric.compare(
            last[metric.name, HOLDOUT], last[metric.name, variant], level=_LEVEL
        )
        found.append(
            HoldoutFact(
                variant=variant,
                metric=metric.name,
                units=units,
                effect=effect_of(comparison),
                p=comparison.p,
            )
        )
    return tuple(found)
