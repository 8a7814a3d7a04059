"""The decision of a report, and what would change it."""

import math
from collections.abc import Sequence

from liverank.experiments.analysis.decision import decide
from liverank.experiments.analysis.results import Decision, MetricResult, Stage
from liverank.experiments.analysis.split import Split
from liverank.experiments.analysis.words import percent
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.course import Course
from liverank.experiments.reporting.facts import (
    DecisionFact,
    LookFact,
    MetricFact,
    SplitFact,
    VariantResult,
)
from liverank.experiments.reporting.report_input import ReportInput
from liverank.experiments.reporting.sentences import utc_day
from liverank.experiments.reporting.series import Series

_RECENT_DAYS = 7


def decision_of(
    inputs: ReportInput,
    results: Sequence[MetricResult],
    split: SplitFact,
    metrics: Sequence[MetricFact],
    course: Course,
    series: Series,
) -> DecisionFact:
    """Decide at the last look."""
    stage = _stage(course, series, len(inputs.shares))
    found = decide(
        results,
        split=Split(
            arms=split.arms,
            counts=split.counts,
            shares=split.shares,
            p=split.p,
            where=split.where,
        ),
        stage=stage,
        alpha=inputs.experiment.alpha,
    )
    return DecisionFact(
        action=found.action,
        sentence=found.sentence,
        variant=found.variant,
        reasons=found.reasons,
        changes=_changes(found, split, metrics, course),
        until_ms=None if found.until_ms is None else int(found.until_ms),
        until_users=found.until_users,
    )


def _stage(course: Course, series: Series, arms: int) -> Stage:
    """The experiment's stage, without the units of the holdout, which follows the ``arms``."""
    totals = series.counts[:, :arms].sum(axis=1).tolist()
    users = totals[-1]
    last_ms = series.moments_ms[-1]
    since = max(last_ms - _RECENT_DAYS * DAY_MS, course.start_ms)
    before = [
        total for at_ms, total in zip(series.moments_ms, totals, strict=True) if at_ms <= since
    ]
    days = (last_ms - since) / DAY_MS
    daily = (users - (before[-1] if before else 0)) / days if days > 0 else math.nan
    planned: float = users
    if not course.is_over:
        # more time adds information on each user, even without new users
        planned = max(users + daily * (course.planned_end_ms - last_ms) / DAY_MS, users + 1)
    return Stage(
        users=users,
        planned_users=planned,
        daily_users=daily,
        now_ms=int(last_ms),
        end_ms=int(course.planned_end_ms),
    )


def _changes(
    decision: Decision, split: SplitFact, metrics: Sequence[MetricFact], course: Course
) -> tuple[str, ...]:
    """Results that would change a decision, in words."""
    if not split.ok:
        return ("Nothing in these data: a sound split is needed first.",)
    changes = []
    if decision.action == "wait":
        changes += [
            _to_cross(metric, variant, course)
            for metric in metrics
            if metric.role == "primary"
            for variant in metric.variants
            if not variant.significant and variant.looks
        ]
    if decision.action == "wait" and course.is_over:
        return (
            "The planned time is over, and these results stay as they are: plan a longer test, or "
            "say which of the metrics matters more.",
        )
    if decision.action == "wait" and (decision.until_ms or 0) > course.planned_end_ms:
        end = utc_day(course.planned_end_ms)
        changes.append(
            f"The plan ends before that, on {end}: raise `days` now, or plan another test."
        )
    if decision.action == "ship" and not course.is_over:
        changes.append(
            "More data are not needed: the boundary allows for stopping at any of the looks. "
            "A guardrail that turns out harmed, or a split that breaks, would change it."
        )
    if decision.action == "ship" and course.is_over:
        changes.append("A holdout, or the same test once more, can show whether the effect lasts.")
    if decision.action == "stop":
        changes.append("A test with more users or a larger change; more looks at this one cannot.")
    return tuple(changes)


def _to_cross(metric: MetricFact, variant: VariantResult, course: Course) -> str:
    look = variant.looks[-1]
    needed = _needed(look)
    following = utc_day(look.at_ms + course.looks_ms)
    now = (
        f"{metric.name} of {variant.variant} is at {_now(look)}; at this look {needed} would have "
        "decided"
        if needed
        else f"{metric.name} of {variant.variant} is at {_now(look)}; it is too early to decide"
    )
    return f"{now}. The next look is on {following}, with a lower boundary."


def _needed(look: LookFact) -> str:
    """The effect needed to reach the boundary of a look."""
    if not math.isfinite(look.bound):
        return ""
    edge = look.bound * look.effect.se
    if look.effect.control > 0 and not math.isnan(look.effect.lift):
        share = percent(edge / look.effect.control).lstrip("+")
        return f"a lift beyond {share} up or down"
    return f"a difference beyond {edge:.3g} up or down"


def _now(look: LookFact) -> str:
    if math.isnan(look.effect.lift):
        return f"{look.effect.difference:+.4g}"
    return percent(look.effect.lift)
