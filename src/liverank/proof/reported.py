"""Reads the experiment's report and the training report as parts of the results.

Both come from the commands' public JSON. Invariant: the simulated truth is not used.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from liverank.errors import ProofError
from liverank.proof.results import Interval, Look, MetricName, Reported, TrainingSummary

METRIC_OF: dict[str, tuple[MetricName, float]] = {
    "daily_active": ("daily_active", 1.0),
    "join_rate": ("join_rate", 1.0),
    "clicks_to_explore": ("clicks_to_explore", 1.0),
    "seconds_listened": ("minutes_listened", 1 / 60),
}
"""For each metric of the config: its name in the results, and the factor for its values."""

_MOST_FEATURES = 30


class _Form(msgspec.Struct, frozen=True):
    """A part of a report's JSON; other keys are ignored."""


class _Effect(_Form, frozen=True):
    control: float | None
    value: float | None
    difference: float | None
    difference_ci: Interval
    lift: float | None
    lift_ci: Interval


class _Look(_Form, frozen=True):
    day: float
    effect: _Effect
    crossed: bool


class _Variant(_Form, frozen=True):
    variant: str
    effect: _Effect
    adjusted_p: float | None
    significant: bool
    verdict: str
    looks: tuple[_Look, ...]


class _Metric(_Form, frozen=True):
    name: str
    variants: tuple[_Variant, ...]


class _Decision(_Form, frozen=True):
    action: Literal["ship", "stop", "wait"]
    sentence: str
    reasons: tuple[str, ...]


class ReadReport(_Form, frozen=True):
    """The parts of an experiment's report that a proof reads."""

    decision: _Decision
    units_by_arm: dict[str, int]
    metrics: tuple[_Metric, ...]


def read_report(answer: Mapping[str, Any]) -> ReadReport:
    """Parse the output of ``liverank experiment report``. Raises ProofError."""
    try:
        return msgspec.convert(answer, type=ReadReport)
    except msgspec.ValidationError as error:
        raise ProofError(f"the report of the experiment is not as expected: {error}") from None


def reported_metrics(report: ReadReport, variant: str) -> dict[MetricName, Reported]:
    """Each metric of one variant. Raises ProofError if a metric is missing or unknown."""
    found: dict[MetricName, Reported] = {}
    for metric in report.metrics:
        if metric.name in METRIC_OF:
            name, factor = METRIC_OF[metric.name]
            found[name] = _reported(
                next(one for one in metric.variants if one.variant == variant), name, factor
            )
    missing = [name for name, _ in METRIC_OF.values() if name not in found]
    if missing:
        raise ProofError(
            f"the report has no {', '.join(missing)}; were there any joins, clicks and stays? "
            "Give more people or days"
        )
    return {name: found[name] for name, _ in METRIC_OF.values()}


def _reported(variant: _Variant, name: MetricName, factor: float) -> Reported:
    effect = variant.effect
    if effect.control is None or effect.value is None or effect.difference is None:
        raise ProofError(f"the report could not compute {name}; give more people or days")
    return Reported(
        control=effect.control * factor,
        variant=effect.value * factor,
        difference=effect.difference * factor,
        difference_ci=_times(effect.difference_ci, factor),
        lift=effect.lift,
        lift_ci=effect.lift_ci,
        p=variant.adjusted_p,
        verdict=variant.verdict,
        significant=variant.significant,
        looks=tuple(
            Look(
                day=look.day,
                lift=look.effect.lift,
                lift_ci=look.effect.lift_ci,
                crossed=look.crossed,
            )
            for look in variant.looks
        ),
    )


def _times(interval: Interval, factor: float) -> Interval:
    low, high = (None if end is None else end * factor for end in interval)
    return low, high


def training_summary(answer: Mapping[str, Any]) -> TrainingSummary:
    """Parse the output of ``liverank train``. Raises ProofError if it promoted no bundle."""
    if answer.get("bundle") is None:
        raise ProofError(
            f"liverank put no model into service: {answer.get('error')}. Give more people, more "
            "days before the test, or a larger budget"
        )
    report = answer["report"]
    against = report["against"]
    return TrainingSummary(
        bundle=answer["bundle"],
        seconds=answer["seconds"],
        budget_s=report["asked"]["budget_s"],
        rows=report["data"]["rows"],
        successes=report["data"]["positives"],
        models_tried=len(report["leaderboard"]),
        best_heuristic=against["best_heuristic"] or "",
        scores=against["methods"],
        importance=dict(list(report["importance"].items())[:_MOST_FEATURES]),
    )
