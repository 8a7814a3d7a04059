"""What a letter says, as data, from which the page and the Markdown are written.

Invariant: an unknown number is None, and a sentence next to it says why. Times are Unix ms; lifts
are relative: 0.02 is +2 %.
"""

from typing import Literal, TypeAlias

import msgspec

Clarity: TypeAlias = Literal["better", "worse", "unclear"]
"""Whether the whole interval of a lift is above zero, below it, or neither."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a letter."""


class Lift(_Part, frozen=True):
    """One metric of those with personal lists, against those on the heuristic."""

    metric: Literal["join_rate", "daily_active", "per_person"]
    personal: float | None
    heuristic: float | None
    lift: float | None
    low: float | None
    """Lower end of the lift's 95 % interval."""
    high: float | None
    reason: str = ""
    """Why a number is unknown."""

    @property
    def clarity(self) -> Clarity:
        """What the interval says.

        >>> Lift(
        ...     metric="join_rate", personal=None, heuristic=None, lift=0.1, low=0.02, high=0.2
        ... ).clarity
        'better'
        """
        if self.low is not None and self.low > 0:
            return "better"
        return "worse" if self.high is not None and self.high < 0 else "unclear"


class HoldoutValue(_Part, frozen=True):
    """One period, or several together, by the permanent holdout."""

    from_ms: int
    to_ms: int
    people_personal: int
    people_heuristic: int
    left_out: int
    """People in variants of experiments that do not rank by the model."""
    in_both: int
    """People who were moved from one arm to the other."""
    lifts: tuple[Lift, ...]
    """``join_rate`` first; empty where an arm has nobody."""


class ExperimentValue(_Part, frozen=True):
    """An experiment that ran or was decided in the period."""

    name: str
    sentence: str
    """The decision of its report."""
    metric: str
    """Its primary metric."""
    variant: str
    lift: float | None
    low: float | None
    high: float | None
    is_model_against_popular: bool


class Value(_Part, frozen=True):
    """What the lists were worth to people."""

    source: Literal["holdout", "experiment", "none"]
    sentence: str
    """The headline."""
    unknown_because: str = ""
    this_period: HoldoutValue | None = None
    together: HoldoutValue | None = None
    """All periods of ``course`` since the holdout began, as one."""
    course: tuple[HoldoutValue | None, ...] = ()
    """Up to 8 periods, the oldest first and the letter's last; None where nobody was held out."""
    experiments: tuple[ExperimentValue, ...] = ()


class Volume(_Part, frozen=True):
    """A count of the period, against the period before."""

    name: str
    """In words, such as ``lists shown``."""
    now: float
    before: float | None
    """None where the log does not reach back that far."""
    is_share: bool = False


class Released(_Part, frozen=True):
    """A step of releasing, with its reason."""

    at_ms: int
    action: str
    """As in the log, e.g. ``refused``."""
    words: str
    """For people, e.g. ``not released``."""
    model: str | None
    reason: str


class Trouble(_Part, frozen=True):
    """An alarm of the period."""

    title: str
    severity: Literal["warning", "critical"]
    from_ms: int
    to_ms: int | None
    """None where it went on at the end of the period."""
    next_step: str


class Advice(_Part, frozen=True):
    """Something to look at."""

    what: str
    next_step: str


class Letter(_Part, frozen=True):
    """A whole letter."""

    name: str
    """Such as ``2026-W49``; also the name of its files."""
    title: str
    """Such as ``Week 49, 2026``."""
    from_ms: int
    to_ms: int
    label: str
    """The interaction type that counts as success."""
    headline: str
    value: Value
    volumes: tuple[Volume, ...]
    released: tuple[Released, ...]
    troubles: tuple[Trouble, ...]
    advice: tuple[Advice, ...]
    """At most three; empty where there is nothing to look at."""
