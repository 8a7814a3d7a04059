"""Guardrails of a release: whether the people of the challenger are clearly worse off.

All of them are valid at any number of looks: over a whole canary, a challenger that does no harm is
dropped with a probability of ALPHA at most. That is shared out among the guardrails (Bonferroni).
A difference is measured by the larger of two standard errors, that of both arms apart and that of
all people together: with few people, an arm without a single success has no variance of its own.
Invariant: what the data do not determine is no harm, and has the reason.
"""

import math
from typing import NamedTuple

import msgspec
import numpy as np

from liverank.autopilot.releasing.counts import (
    EMPTY,
    FALLBACKS,
    IMPRESSIONS,
    RANKINGS,
    SUCCESSES,
    Evidence,
)
from liverank.experiments.statistics.always_valid import always_valid_bound
from liverank.experiments.statistics.delta_method import Ratio, linearise
from liverank.experiments.statistics.sample_ratio import sequential_sample_ratio

ALPHA = 0.05
"""Largest probability, over a whole canary, of dropping a challenger that does no harm; shared out
among the guardrails. Those on metrics are one-sided."""
LEAST_PEOPLE = 20
"""People of each arm below which no guardrail is computed."""
CLEAR_FALL = 0.3
"""Relative fall of the label rate that must have been visible before a canary ends."""
SAMPLE_RATIO = "sample ratio"
LABEL_RATE = "label rate"
_FALLBACK_SHARE = "share of fallbacks"


class _Rule(NamedTuple):
    ratio: Ratio
    """Columns of ``counts.COLUMNS``: numerator, and denominator or None for people."""
    more_is_better: bool
    percent: bool


RULES: dict[str, _Rule] = {
    LABEL_RATE: _Rule((SUCCESSES, IMPRESSIONS), True, True),
    "successes per person": _Rule((SUCCESSES, None), True, False),
    _FALLBACK_SHARE: _Rule((FALLBACKS, RANKINGS), False, True),
    "share of lists without a success": _Rule((EMPTY, RANKINGS), False, True),
}
"""The guardrails on metrics, by name."""


class Guardrail(msgspec.Struct, frozen=True, kw_only=True):
    """One guardrail at one look. NaN is unknown; ``reason`` says why."""

    name: str
    control: float
    treated: float
    low: float
    high: float
    """Always-valid interval of the difference treated - control."""
    is_harmed: bool
    reason: str = ""
    """A sentence of what was found, with its numbers."""


def guardrails(evidence: Evidence) -> list[Guardrail]:
    """All guardrails at this look, the sample ratio last where the draw is known.

    A heuristic is its own fallback, so against one each late list would look like harm: then the
    share of fallbacks is left out, and what they cost is seen in the other guardrails.

    >>> [one.is_harmed for one in guardrails(Evidence.none())]
    [False, False, False, False]
    """
    rules = dict(RULES)
    if evidence.against_heuristic:
        del rules[_FALLBACK_SHARE]
    alpha = ALPHA / (len(rules) + (evidence.share is not None))
    results = [_on_metric(name, rule, evidence, alpha) for name, rule in rules.items()]
    if evidence.share is not None:
        results.append(_on_sample_ratio(evidence, evidence.share, alpha))
    return results


def harm_in(results: list[Guardrail]) -> str | None:
    """What a challenger harms, as a sentence; None where no bound is crossed."""
    harmed = [one.reason for one in results if one.is_harmed]
    return "; ".join(harmed) or None


def smallest_visible_fall(results: list[Guardrail]) -> float:
    """The relative fall of the label rate that would be clear by now; infinite where unknown."""
    rate = next(one for one in results if one.name == LABEL_RATE)
    half = (rate.high - rate.low) / 2
    if not math.isfinite(half) or not rate.control > 0:
        return math.inf
    return half / rate.control


def _on_metric(name: str, rule: _Rule, evidence: Evidence, alpha: float) -> Guardrail:
    control, treated = evidence.control, evidence.treated
    fewest = min(control.count, treated.count)
    own = [linearise(arm, [rule.ratio]) for arm in (control, treated)]
    values = [float(arm.values[0]) for arm in own]
    unknown = Guardrail(
        name=name,
        control=values[0],
        treated=values[1],
        low=math.nan,
        high=math.nan,
        is_harmed=False,
    )
    if fewest < LEAST_PEOPLE:
        why = f"{name}: {fewest} people in an arm are too few; {LEAST_PEOPLE} are needed"
        return msgspec.structs.replace(unknown, reason=why)
    both = linearise(control + treated, [rule.ratio])
    apart = sum(float(arm.covariance[0, 0]) / arm.count for arm in own)
    pooled = float(both.covariance[0, 0]) * (1 / control.count + 1 / treated.count)
    variance = apart if math.isnan(apart) else max(apart, pooled)
    # the variance of a constant is only rounding errors
    if not variance > 1e-30 * (values[0] ** 2 + values[1] ** 2):
        return msgspec.structs.replace(unknown, reason=f"{name}: all people are alike in it so far")
    difference = values[1] - values[0]
    bound = always_valid_bound(2 * alpha, evidence.people, evidence.tightest_at)
    half = bound * math.sqrt(variance)
    low, high = difference - half, difference + half
    form = "{:.2%}" if rule.percent else "{:.3f}"
    written = [form.format(value) for value in (*values, low, high)]
    return Guardrail(
        name=name,
        control=values[0],
        treated=values[1],
        low=low,
        high=high,
        is_harmed=high < 0 if rule.more_is_better else low > 0,
        reason=f"{name} {written[1]} against {written[0]} ({treated.count:,} and "
        f"{control.count:,} people; difference from {written[2]} to {written[3]}, valid at any "
        "look)",
    )


def _on_sample_ratio(evidence: Evidence, share: float, alpha: float) -> Guardrail:
    counts = np.array([[evidence.control.count, evidence.treated.count]], np.int64)
    people = evidence.people
    p = float(sequential_sample_ratio(counts, [1 - share, share])[0]) if people else 1.0
    found = evidence.treated.count / people if people else math.nan
    return Guardrail(
        name=SAMPLE_RATIO,
        control=share,
        treated=found,
        low=math.nan,
        high=math.nan,
        is_harmed=p <= alpha,
        reason=f"sample ratio: {found:.2%} of {people:,} people are in the challenger's arm, where "
        f"{share:.2%} were drawn (p {p:.2g}, valid at any look)",
    )
