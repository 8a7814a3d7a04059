"""The interactions of each exposed unit, as arrays, and the totals that metrics need from them.

Units are in the order of their arms and, within one, of their exposures: an arm at a look is a
contiguous range. Invariant: a need counts only interactions after the exposure; those before the
exposure are counted separately.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.need import DAY_MS, Need


@dataclass(frozen=True, slots=True)
class Arms:
    """The arms, and the range of units of each."""

    names: tuple[str, ...]
    """Names as logged, without the experiment's; ``holdout`` may be among them."""
    starts: NDArray[np.int64]
    """``int64[n_arms + 1]``: the units of arm a are ``starts[a] : starts[a + 1]``."""

    def of(self, name: str) -> slice:
        """The range of an arm's units; empty if no unit was exposed to it."""
        if name not in self.names:
            return slice(0, 0)
        number = self.names.index(name)
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def sizes(self) -> dict[str, int]:
        """Number of units of each arm."""
        return {
            name: int(size) for name, size in zip(self.names, np.diff(self.starts), strict=True)
        }


@dataclass(frozen=True, slots=True)
class Events:
    """Interactions of exposed units, by type and then by time."""

    unit: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    since_ms: NDArray[np.int64]
    """Time since the exposure of the unit in milliseconds; negative before it."""
    starts: NDArray[np.int64]
    """``int64[n_types + 1]``: the events of type t are ``starts[t] : starts[t + 1]``."""
    value: NDArray[np.float64] | None
    count: NDArray[np.int32] | None
    types_of: Callable[[tuple[str, ...]], list[int]]
    """Maps names of types to their codes; no names map to all codes."""

    @classmethod
    def none(cls, types_of: Callable[[tuple[str, ...]], list[int]]) -> Self:
        """No interactions."""
        times = np.empty(0, np.int64)
        starts = np.zeros(len(types_of(())) + 1, np.int64)
        return cls(np.empty(0, np.int32), times, times, starts, np.empty(0), None, types_of)

    def of(self, types: tuple[str, ...]) -> Self:
        """The events of some types (of all types if empty), merged as if of one type."""
        codes = self.types_of(types)
        parts = [slice(int(self.starts[code]), int(self.starts[code + 1])) for code in codes]
        if len(parts) == 1:
            return self._take(parts[0])
        rows = np.concatenate([np.arange(part.start, part.stop) for part in parts or [slice(0, 0)]])
        return self._take(rows[np.argsort(self.time_ms[rows], kind="stable")])

    def _take(self, rows: slice | NDArray[np.int64]) -> Self:
        return replace(
            self,
            unit=self.unit[rows],
            time_ms=self.time_ms[rows],
            since_ms=self.since_ms[rows],
            value=None if self.value is None else self.value[rows],
            count=None if self.count is None else self.count[rows],
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A division of units by a field's value at their exposure."""

    name: str
    texts: tuple[str, ...]
    codes: NDArray[np.int32]
    """``int32[n_units]``: index into ``texts``; -1 where unknown."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts that a need adds to units, in the order of time."""

    unit: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    amount: NDArray[np.float64] | None
    """``float64``, one for each event; None if each is 1."""

    def total(self, rows: slice | NDArray[np.bool_], units: int) -> NDArray[np.float64]:
        """The sum of some rows for each unit, ``float64[units]``."""
        weights = None if self.amount is None else self.amount[rows]
        return np.bincount(self.unit[rows], weights, minlength=units).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The input of an experiment's reports: n units and their interactions."""

    wanted: Wanted
    arms: Arms
    exposed_ms: NDArray[np.int64]
    """Time of each unit's exposure in Unix ms, ``int64[n]``."""
    is_new: NDArray[np.bool_]
    """Whether the log had no event of the unit before, ``bool[n]``."""
    events: Events
    segments: tuple[Segment, ...]
    counts: dict[str, int]
    """Number of interactions of each wanted type, over all users."""
    rankings: int
    without_unit: int
    too_early: int
    testers: int
    """Number of units of forced testers, which are left out."""
    in_two_arms: int
    """Number of units that were served several variants; they count in the first one's arm."""
    without_value: int
    log_from_ms: int
    log_to_ms: int

    @property
    def units(self) -> int:
        """The number of exposed units."""
        return len(self.exposed_ms)

    @property
    def pre_days(self) -> int:
        """Whole days before exposure that the log covers for all units, at most those wanted."""
        if not self.units:
            return 0
        start = int(self.exposed_ms.min())
        return max(min((start - self.log_from_ms) // DAY_MS, self.wanted.pre_days), 0)

    def after(self, need: Need) -> Amounts:
        """The amounts of units after their exposure, within the need's time.

        An active day counts at the moment when the day is over.
        """
        events = self.events.of(need.types)
        inside = (events.since_ms > need.after_ms) & (events.since_ms <= need.until_ms)
        if need.of != "days":
            amount = _amount(need, events)
            return Amounts(
                events.unit[inside],
                events.time_ms[inside],
                None if amount is None else amount[inside],
            )
        span = -(-need.until_ms // DAY_MS)
        unit, day = self._days(events.unit[inside], (events.since_ms[inside] - 1) // DAY_MS, span)
        over_ms = self.exposed_ms[unit] + (day + 1) * DAY_MS
        order = np.argsort(over_ms, kind="stable")
        return Amounts(unit[order], over_ms[order], None)

    def before(self, need: Need) -> NDArray[np.float64]:
        """The total of the need in the ``pre_days`` before each exposure, ``float64[n]``."""
        events = self.events.of(need.types)
        inside = (events.since_ms < 0) & (events.since_ms >= -self.pre_days * DAY_MS)
        unit, amount = events.unit[inside], _amount(need, events)
        if need.of == "days":
            unit, _ = self._days(unit, (-events.since_ms[inside] - 1) // DAY_MS, self.pre_days)
        weights = None if amount is None or need.of == "days" else amount[inside]
        return np.bincount(unit, weights, minlength=self.units).astype(np.float64)

    def _days(
        self, unit: NDArray[np.int32], day: NDArray[np.int64], span: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The distinct pairs of unit and day, for days from 0 up to ``span``."""
        is_active = np.zeros((self.units, span), bool)
        is_active[unit, day] = True
        found = np.nonzero(is_active)
        return found[0].astype(np.int32), found[1]


def _amount(need: Need, events: Events) -> NDArray[np.float64] | None:
    """The amount that each event adds to a need; None if all add 1."""
    if need.of == "value":
        assert events.value is not None
        return events.value
    return None if events.count is None else events.count.astype(np.float64)
