"""Compares what an experiment reported with the simulated truth, for one seed and for several."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from liverank.proof.results import (
    METRICS,
    MODEL,
    ORACLES,
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
    """Whether an interval contains a value; None if the interval is unknown.

    >>> holds((0.0, 1.0), 0.5), holds((None, None), 0.5)
    (True, None)
    """
    low, high = interval
    return None if low is None or high is None else low <= value <= high


def best_of(
    truth: Sequence[TruePolicy], names: Sequence[str], metric: MetricName = "join_rate"
) -> str | None:
    """The policy with the highest true value among these; None if none was run."""
    rates = {one.policy: one.values[metric] for one in truth if one.policy in names}
    return max(rates, key=lambda policy: rates[policy]) if rates else None


def judged_metrics(
    reported: Mapping[MetricName, Reported],
    truth: Sequence[TruePolicy],
    *,
    control: str,
    heuristics: Sequence[str],
    in_test: Mapping[str, Values] | None = None,
) -> tuple[MetricProof, ...]:
    """Each metric as reported, and its true value.

    The oracle share is relative to the best of ``heuristics`` (0) and the best oracle (1) by the
    same metric. ``control`` is the policy in ``truth`` that served the test's control; ``in_test``
    are the true values of each variant's people in the test.
    """
    values = {one.policy: one.values for one in truth}
    shifts = _shifts(in_test or {}, truth, control)
    return tuple(
        msgspec.structs.replace(
            _judged(name, reported[name], values, control),
            oracle_share=_share(name, truth, heuristics),
            control_shift=shifts.get((name, control)),
            variant_shift=shifts.get((name, MODEL)),
        )
        for name in METRICS
    )


def _shifts(
    in_test: Mapping[str, Values], truth: Sequence[TruePolicy], control: str
) -> dict[tuple[MetricName, str], float]:
    """By metric and variant: value of its people in the test, minus theirs if all people had it."""
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
) -> MetricProof:
    difference = lift = covered = None
    if MODEL in values and control in values:
        model, before = values[MODEL][name], values[control][name]
        difference = model - before
        lift = difference / before if before else None
        covered = holds(reported.difference_ci, difference)
    return MetricProof(
        name=name,
        reported=reported,
        true_difference=difference,
        true_lift=lift,
        covered=covered,
        oracle_share=None,
    )


def _share(
    name: MetricName, truth: Sequence[TruePolicy], heuristics: Sequence[str]
) -> float | None:
    """The model's share of the best oracle's gain over the best heuristic, by this metric."""
    values = {one.policy: one.values[name] for one in truth}
    heuristic, oracle = (best_of(truth, names, name) for names in (heuristics, ORACLES))
    if MODEL not in values or heuristic is None or oracle is None:
        return None
    return captured_lift(values[MODEL], values[heuristic], values[oracle])


def proof_of(results: Sequence[ProofResult]) -> Proof:
    """Summary over all seeds."""
    summaries = []
    for index, name in enumerate(METRICS):
        metrics = [result.metrics[index] for result in results]
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
