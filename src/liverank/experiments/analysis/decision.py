"""Decides about an experiment: ship, stop or wait, with reasons, and what would change it.

The first metric that is not a guardrail is the primary one; it decides. Guardrails can only forbid
shipping. Invariant: if the split is broken no metric is used.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from liverank.experiments.analysis.results import Action, Decision, MetricResult, Stage
from liverank.experiments.analysis.split import Split
from liverank.experiments.analysis.waiting import users_for, wait_for, wait_words
from liverank.experiments.analysis.words import effect, p_value, p_words, percent

_WORTH_WAITING = 4.0
"""Largest multiple of the users so far that is worth waiting for without a plan."""


def decide(
    results: Sequence[MetricResult], *, split: Split, stage: Stage, alpha: float = 0.05
) -> Decision:
    """Decide from the results of ``correct``, for one variant or several.

    >>> from liverank.experiments.analysis.results import correct
    >>> from liverank.experiments.analysis.split import check_split
    >>> from liverank.experiments.statistics.comparison import compare_estimates
    >>> from liverank.experiments.statistics.estimate import Estimate
    >>> arms = compare_estimates(Estimate(0.2, 1e-6, 9000), Estimate(0.21, 1e-6, 9000))
    >>> result = MetricResult(variant="model", metric="join_rate", comparison=arms, p=arms.p)
    >>> split = check_split({"control": 9000, "model": 9000}, {"control": 1, "model": 1})
    >>> decide(correct([result]), split=split, stage=Stage(users=18_000)).sentence
    'Ship model: join_rate is better by +5 % (+3.59 to +6.43 %), p < 0.0001.'
    """
    if not split.ok:
        return _distrust(split)
    primary = {one.variant: one for one in reversed(results) if not one.is_guardrail}
    if not primary:
        return Decision(action="wait", sentence="Wait: there is no metric to decide by.")
    decisions = {
        variant: _decide_variant(
            primary[variant], [one for one in results if one.variant == variant], stage, alpha
        )
        for variant in reversed(primary)
    }
    order: list[Action] = ["stop", "wait", "ship"]
    best = max(
        decisions, key=lambda name: (order.index(decisions[name].action), _gain(primary[name]))
    )
    others = tuple(f"{name}: {one.sentence}" for name, one in decisions.items() if name != best)
    return replace(decisions[best], reasons=decisions[best].reasons + others)


def _distrust(split: Split) -> Decision:
    return Decision(
        action="stop",
        sentence=(
            "Do not trust these results: the split is broken. Stop, find out which units are "
            "missing, and start again."
        ),
        reasons=(split.sentence, *split.where),
    )


def _gain(result: MetricResult) -> float:
    return -math.inf if math.isnan(result.gain) else result.gain


def _decide_variant(
    primary: MetricResult, results: list[MetricResult], stage: Stage, alpha: float
) -> Decision:
    variant = primary.variant
    harmed = [one for one in results if one.is_guardrail and one.guard == "harmed"]
    if harmed:
        worst = harmed[0]
        return Decision(
            action="stop",
            sentence=(
                f"Stop {variant}: the guardrail {worst.metric} is worse, {_effect_and_p(worst)}."
            ),
            reasons=(f"{primary.metric}: {_effect_and_p(primary)}",),
        )
    if math.isnan(primary.adjusted_p):
        why = primary.comparison.reason or "its p-value is unknown"
        return Decision(
            action="wait", sentence=f"Wait: {primary.metric} of {variant} cannot be decided: {why}."
        )
    if primary.adjusted_p < alpha and primary.gain > 0:
        return _decide_better(primary, results, stage, alpha)
    if primary.adjusted_p >= alpha:
        decision = _decide_without_proof(primary, stage, alpha)
    else:
        decision = Decision(
            action="stop",
            sentence=f"Stop {variant}: {primary.metric} is worse, {_effect_and_p(primary)}.",
        )
    return replace(decision, reasons=decision.reasons + _proven_secondary(primary, results, alpha))


def _proven_secondary(
    primary: MetricResult, results: list[MetricResult], alpha: float
) -> tuple[str, ...]:
    """Significant effects on the metrics that do not decide, in words."""
    return tuple(
        f"{one.metric} is {'better by' if one.gain > 0 else 'worse,'} {_effect_and_p(one)}"
        for one in results
        if one is not primary and not one.is_guardrail and one.adjusted_p < alpha
    )


def _decide_better(
    primary: MetricResult, results: list[MetricResult], stage: Stage, alpha: float
) -> Decision:
    better = f"{primary.metric} is better by {_effect_and_p(primary)}"
    worse = [
        one for one in results if not one.is_guardrail and one.adjusted_p < alpha and one.gain < 0
    ]
    if worse:
        return Decision(
            action="wait",
            sentence=(
                f"Do not ship {primary.variant} yet: {better}, but {worse[0].metric} is worse, "
                f"{_effect_and_p(worse[0])}; say which of them matters more."
            ),
        )
    unclear = [one for one in results if one.is_guardrail and one.guard == "unclear"]
    if unclear:
        guard = unclear[0]
        margin = percent(guard.margin or 0.0).lstrip("+")
        distance = (guard.margin or math.nan) * guard.comparison.control
        until = wait_for(stage, users_for(guard, distance, stage, alpha))
        return replace(
            until,
            sentence=(
                f"{wait_words(until, stage)}: {better}, but the guardrail {guard.metric} may "
                f"still be more than {margin} worse, {_effect_and_p(guard)}."
            ),
        )
    unproven = tuple(
        f"{one.metric}: no difference is proven, {_effect_and_p(one)}"
        for one in results
        if one is not primary and not one.is_guardrail and not one.adjusted_p < alpha
    )
    return Decision(
        action="ship",
        variant=primary.variant,
        sentence=f"Ship {primary.variant}: {better}.",
        reasons=unproven,
    )


def _decide_without_proof(primary: MetricResult, stage: Stage, alpha: float) -> Decision:
    sentence = f"no difference in {primary.metric} is proven, {_effect_and_p(primary)}"
    if stage.users < stage.planned_users:
        until = wait_for(stage, stage.planned_users)
        if stage.end_ms is not None:
            until = replace(until, until_ms=stage.end_ms)
        return replace(
            until,
            sentence=f"{wait_words(until, stage)}: {sentence}.",
            reasons=(
                "an earlier look decides if the difference crosses the boundary of that look",
            ),
        )
    comparison = primary.comparison
    if stage.least_lift is None:
        worth, aim = comparison.difference, "a difference as small as the one seen"
    else:
        worth = stage.least_lift * comparison.control
        aim = f"a lift of {percent(stage.least_lift).lstrip('+')}"
    needed = users_for(primary, worth, stage, alpha)
    if math.isnan(stage.planned_users) and needed <= _WORTH_WAITING * stage.users:
        until = wait_for(stage, needed)
        return replace(
            until,
            sentence=f"{wait_words(until, stage)}: {sentence}.",
            reasons=(
                f"that many {stage.unit} show {aim} in four of five experiments",
                f"this was a look: then give --looks {stage.users / needed:.2f},1",
            ),
        )
    change = f"{aim} would take about {needed:,.0f} {stage.unit} to see; there are {stage.users:,}"
    return Decision(
        action="stop",
        sentence=f"Stop, and keep the control: {sentence}.",
        reasons=() if math.isnan(needed) else (change,),
    )


def _effect_and_p(result: MetricResult) -> str:
    """The effect and its p, and the corrected p where it differs."""
    sentence = f"{effect(result.comparison)}, p {p_words(result.p)}"
    if result.adjusted_p > result.p:
        sentence += f" ({p_value(result.adjusted_p)} after Holm's correction)"
    return sentence
