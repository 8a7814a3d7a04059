"""Results of an experiment's metrics, how far it is, and a decision: what a report is made of.

Invariant: a result's p is valid at the look it was made for; only ``correct`` fills what holds over
all metrics and variants together.
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
    """Valid at this look: that of the comparison, or a repeated one where looks are several."""
    adjusted_p: float = math.nan
    """After ``correct``; a guardrail's is its own."""
    direction: Direction = "up"
    is_guardrail: bool = False
    margin: float | None = None
    """Of a guardrail: how much worse, relatively, it may be."""

    @property
    def gain(self) -> float:
        """The difference, above zero where it is for the better."""
        return self.comparison.difference * (1 if self.direction == "up" else -1)

    @property
    def guard(self) -> Guard:
        """The verdict on a guardrail."""
        return judge_guardrail(self.comparison, margin=self.margin, direction=self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How far the experiment is; what is not known is NaN or None."""

    users: int
    """Units of all arms so far."""
    unit: str = "users"
    """What they are called."""
    planned_users: float = math.nan
    """Units of all arms at the planned end; NaN where this is the only look at a finished table."""
    daily_users: float = math.nan
    """Units that came in each day lately."""
    now_ms: int | None = None
    end_ms: int | None = None
    """The planned end."""
    least_lift: float | None = None
    """The smallest lift that would be worth shipping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, in words that need no statistics."""

    action: Action
    sentence: str
    variant: str | None = None
    """Which to ship."""
    reasons: tuple[str, ...] = ()
    """What it rests on, and what would change it."""
    until_users: int | None = None
    """Where it waits: units of all arms at which to look again."""
    until_ms: int | None = None
    """Where it waits and the rate is known: about when that is."""


def correct(results: Sequence[MetricResult]) -> list[MetricResult]:
    """Fill ``adjusted_p``: Holm's over all metrics and variants that are not guardrails."""
    judged = [place for place, one in enumerate(results) if not one.is_guardrail]
    adjusted = dict(zip(judged, holm([results[place].p for place in judged]), strict=True))
    return [
        replace(one, adjusted_p=adjusted.get(place, one.p)) for place, one in enumerate(results)
    ]
