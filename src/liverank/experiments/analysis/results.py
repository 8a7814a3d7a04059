"""Types of a report: a metric's result, the experiment's stage, and the decision.

Invariant: ``p`` of a result is valid at its look; only ``correct`` fills ``adjusted_p``, which is
valid over all metrics and variants together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from liverank.experiments.statistics.comparison import Comparison
from liverank.experiments.statistics.multiple import holm
from liverank.experiments.statistics.non_inferiority import Direction, Guard, judge_guardrail

Action = Literal["ship", "stop", "wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """A metric of one variant, compared with the control."""

    variant: str
    metric: str
    comparison: Comparison
    p: float
    """p-value at this look: the comparison's, or a repeated p-value if there are several looks."""
    adjusted_p: float = math.nan
    """p-value after ``correct``; for a guardrail the uncorrected one."""
    direction: Direction = "up"
    is_guardrail: bool = False
    margin: float | None = None
    """The tolerated relative loss of a guardrail."""

    @property
    def gain(self) -> float:
        """The difference, with a positive sign for an improvement."""
        return self.comparison.difference * (1 if self.direction == "up" else -1)

    @property
    def guard(self) -> Guard:
        """The verdict on a guardrail."""
        return judge_guardrail(self.comparison, margin=self.margin, direction=self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The progress of the experiment; unknown values are NaN or None."""

    users: int
    """Units of all arms so far."""
    unit: str = "users"
    """Name of the units, in the plural."""
    planned_users: float = math.nan
    """Units of all arms at the planned end; NaN for the single look at a finished table."""
    daily_users: float = math.nan
    """New units a day, averaged over the last days."""
    now_ms: int | None = None
    end_ms: int | None = None
    """The planned end."""
    least_lift: float | None = None
    """The smallest lift that would be worth shipping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision, in words that a reader without statistics understands."""

    action: Action
    sentence: str
    variant: str | None = None
    """The variant to ship."""
    reasons: tuple[str, ...] = ()
    """Reasons for it, and what would change it."""
    until_users: int | None = None
    """For `wait`: units of all arms at which to look again."""
    until_ms: int | None = None
    """For `wait` with a known rate: the approximate time at which these units are reached."""


def correct(results: Sequence[MetricResult]) -> list[MetricResult]:
    """Fill ``adjusted_p`` by Holm's correction over all metrics (no guardrails) and variants."""
    corrected = [index for index, one in enumerate(results) if not one.is_guardrail]
    adjusted = dict(zip(corrected, holm([results[index].p for index in corrected]), strict=True))
    return [
        replace(one, adjusted_p=adjusted.get(index, one.p)) for index, one in enumerate(results)
    ]
