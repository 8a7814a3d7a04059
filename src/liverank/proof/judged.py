"""Puts what was reported and what is true next to each other, of one seed and of several."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from liverank.proof.results import (
    METRICS,
    MODEL,
    ORACLE,
    Interval,
    MetricName,
    MetricProof,
    MetricSummary,
    Proof,
    ProofResult,
    Reported,
    TruePolicy,
)
from liverank.simulator.truth import captured_lift

Values = Mapping[MetricName, float]


def holds(interval: Interval, value: float) -> bool | None:
    """Whether an interval holds a value; None where the interval is unknown.

    >>> holds((0.0, 1.0), 0.5), holds((None, None), 0.5)
    (True, None)
    """
    low, high = interval
    return None if low is None or high is None else low <= value <= high


def best_of(truth: Sequence[TruePolicy], heuristics: Sequence[str]) -> str | None:
    """The heuristic with the highest true join rate; None where none was run."""
    rates = {one.policy: one.values["join_rate"] for one in truth if one.policy in heuristics}
    return max(rates, key=lambda policy: rates[policy]) if rates else None


def judged_metrics(
    reported: Mapping[MetricName, Reported],
    truth: Sequence[TruePolicy],
    *,
    control: str,
    best_heuristic: str | None,
    in_test: Mapping[str, Values] | None = None,
) -> tuple[MetricProof, ...]:
    """Each metric as it was reported and as it is.

    ``control`` is the policy of ``truth`` that the test's control was served by; ``in_test`` is
    what the people of each variant truly did in the test.
    """
    values = {one.policy: one.values for one in truth}
    shifts = _shifts(in_test or {}, truth, control)
    metrics = [_judged(name, reported[name], values, control, best_heuristic) for name in METRICS]
    return tuple(
        msgspec.structs.replace(
            metric,
            control_shift=shifts.get((metric.name, control)),
            variant_shift=shifts.get((metric.name, MODEL)),
        )
        for metric in metrics
    )


def _shifts(
    in_test: Mapping[str, Values], truth: Sequence[TruePolicy], control: str
) -> dict[tuple[MetricName, str], float]:
    """By metric and variant: its people in the test, less them where everybody is on it."""
    policies = {one.policy: one for one in truth}
    shifts: dict[tuple[MetricName, str], float] = {}
    for variant, values in in_test.items():
        if variant in policies and variant in policies[variant].by_variant:
            alone = policies[variant].by_variant[variant]
            for name, level in policies[control].values.items():
                if level:
                    shifts[name, variant] = (values[name] - alone[name]) / level
    return shifts


def _judged(
    name: MetricName,
    reported: Reported,
    values: Mapping[str, Values],
    control: str,
    best_heuristic: str | None,
) -> MetricProof:
    difference = lift = covered = share = None
    if MODEL in values and control in values:
        model, before = values[MODEL][name], values[control][name]
        difference = model - before
        lift = difference / before if before else None
        covered = holds(reported.difference_ci, difference)
    if MODEL in values and ORACLE in values and best_heuristic is not None:
        share = captured_lift(
            values[MODEL][name], values[best_heuristic][name], values[ORACLE][name]
        )
    return MetricProof(
        name=name,
        reported=reported,
        true_difference=difference,
        true_lift=lift,
        covered=covered,
        oracle_share=share,
    )


def proof_of(results: Sequence[ProofResult]) -> Proof:
    """All seeds together."""
    summaries = []
    for place, name in enumerate(METRICS):
        metrics = [result.metrics[place] for result in results]
        judged = [one.covered for one in metrics if one.covered is not None]
        shares = tuple(one.oracle_share for one in metrics)
        summaries.append(
            MetricSummary(
                name=name,
                mean_lift=_mean([one.reported.lift for one in metrics]),
                mean_true_lift=_mean([one.true_lift for one in metrics]),
                better=sum(one.reported.verdict == "better" for one in metrics),
                covered=sum(judged),
                judged=len(judged),
                mean_share=_mean(shares),
                shares=shares,
            )
        )
    return Proof(results=tuple(results), metrics=tuple(summaries))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return math.fsum(known) / len(known) if known else None
