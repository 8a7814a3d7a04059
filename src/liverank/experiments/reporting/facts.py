"""A report as data, from which JSON, terminal output and the HTML page are written.

Unknown numbers are NaN, and null in JSON. Times are in Unix ms. Lifts are relative: 0.02 is +2 %.
"""

from typing import Literal

import msgspec

Interval = tuple[float, float]
Role = Literal["primary", "metric", "guardrail"]
State = Literal["running", "stopped", "ended", "not started"]


class _Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report."""


class DecisionFact(_Fact, frozen=True):
    """The decision, in plain words."""

    action: Literal["ship", "stop", "wait"]
    sentence: str
    variant: str | None
    reasons: tuple[str, ...]
    """Reasons for the action."""
    changes: tuple[str, ...]
    """Results that would change the action."""
    until_ms: int | None
    until_users: int | None


class Effect(_Fact, frozen=True):
    """A variant compared with the control."""

    control: float
    value: float
    difference: float
    difference_ci: Interval
    lift: float
    lift_ci: Interval
    se: float
    n_control: int
    n_variant: int
    reason: str
    """The reason for an unknown value; empty if all are known."""


class LookFact(_Fact, frozen=True):
    """A metric of a variant at one look."""

    at_ms: int
    day: float
    """Days since the start."""
    effect: Effect
    z: float
    bound: float
    """Boundary of z; null if it is too early to decide."""
    crossed: bool


class DayEffect(_Fact, frozen=True):
    """The effect on one day since the units' exposure."""

    day: int
    """Number of the day, from 1."""
    effect: Effect


class Novelty(_Fact, frozen=True):
    """The change of the effect with the days since exposure."""

    days: tuple[DayEffect, ...]
    trend_days: int
    """Length of the trend in days, estimated on the units observed for that long."""
    trend_units: int
    change_per_day: float
    """Daily change of the difference, relative to the control where ``change_is_relative``."""
    change_ci: Interval
    p: float
    sentence: str


class VariantResult(_Fact, frozen=True):
    """One metric of one variant."""

    variant: str
    effect: Effect
    """Effect at the last look; its intervals are valid over all looks together."""
    p: float
    """p-value, valid over all looks together."""
    adjusted_p: float
    """p-value after Holm's correction over metrics and variants; uncorrected for a guardrail."""
    significant: bool
    crossed_ms: int | None
    """Time of the look that first crossed the boundary."""
    variance_saved: float
    """Share of the variance that the pre-period covariate removed (CUPED)."""
    verdict: str
    """The verdict in words."""
    looks: tuple[LookFact, ...]
    novelty: Novelty | None


class MetricFact(_Fact, frozen=True):
    """One metric in all variants."""

    name: str
    role: Role
    direction: Literal["up", "down"]
    description: str
    """How the metric is computed."""
    margin: float | None
    """The tolerated relative loss of a guardrail."""
    variants: tuple[VariantResult, ...]


class SplitPart(_Fact, frozen=True):
    """A part of the units, and its split."""

    name: str
    counts: tuple[int, ...]
    p: float
    """p-value, corrected for the number of parts of its kind."""
    ok: bool


class SplitFact(_Fact, frozen=True):
    """The sample-ratio check."""

    ok: bool
    p: float
    """p-value, valid for any number of looks."""
    p_now: float
    """p-value of the latest counts, as if this were the only look."""
    arms: tuple[str, ...]
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    sentence: str
    where: tuple[str, ...]
    days: tuple[SplitPart, ...]
    segments: dict[str, tuple[SplitPart, ...]]


class SegmentFact(_Fact, frozen=True):
    """The primary metric of one variant in one level of a segment."""

    segment: str
    level: str
    variant: str
    effect: Effect
    p: float
    adjusted_p: float
    """p-value after Holm's correction over all levels that were compared."""


class HoldoutFact(_Fact, frozen=True):
    """A variant compared with the holdout by the primary metric, at the uncorrected level."""

    variant: str
    metric: str
    units: int
    effect: Effect
    p: float


class Report(_Fact, frozen=True):
    """The whole report."""

    experiment: str
    now_ms: int
    start_ms: int
    planned_end_ms: int
    until_ms: int
    """The last time that counts, in Unix ms."""
    state: State
    control: str
    variants: tuple[str, ...]
    """Names of the variants without the control."""
    alpha: float
    units: int
    units_by_arm: dict[str, int]
    exposures: int
    decision: DecisionFact
    split: SplitFact | None
    metrics: tuple[MetricFact, ...]
    segments: tuple[SegmentFact, ...]
    holdout: tuple[HoldoutFact, ...]
    notes: tuple[str, ...]
    how: tuple[str, ...]
    """Sentences on how the report was computed."""
