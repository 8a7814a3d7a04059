"""What each exposed unit did, as arrays by unit and by interaction, and the needs read from them.

Units stand in the order of their arms and, within one, of their exposures: an arm at a look is a
stretch without gaps. Invariant: a need counts what came later than the exposure only, and what is
of the time before the exposure is counted apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.need import DAY_MS, Need


@dataclass(frozen=True, slots=True)
class Arms:
    """The arms, and where the units of each begin."""

    names: tuple[str, ...]
    """As logged, without the experiment's name; ``holdout`` may be among them."""
    starts: NDArray[np.int64]
    """``int64[n_arms + 1]``: the units of arm a are from ``starts[a]`` up to ``starts[a + 1]``."""

    def of(self, name: str) -> slice:
        """The units of an arm; none where no unit was exposed to it."""
        if name not in self.names:
            return slice(0, 0)
        place = self.names.index(name)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def sizes(self) -> dict[str, int]:
        """Units of each arm."""
        return {
            name: int(size) for name, size in zip(self.names, np.diff(self.starts), strict=True)
        }


@dataclass(frozen=True, slots=True)
class Events:
    """Interactions of exposed units in the order of their times."""

    unit: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    type: NDArray[np.int16]
    value: NDArray[np.float64] | None
    count: NDArray[np.int32] | None
    types_of: Callable[[tuple[str, ...]], list[int]]
    """The codes of some types."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A way to divide units, by what was known when they were exposed."""

    name: str
    texts: tuple[str, ...]
    codes: NDArray[np.int32]
    """``int32[n_units]``: which of ``texts``; -1 where unknown."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """A need as amounts that units come by, in the order of time."""

    unit: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    amount: NDArray[np.float64] | None
    """None where each is 1."""

    def total(self, rows: slice | NDArray[np.bool_], units: int) -> NDArray[np.float64]:
        """The sum of some rows for each unit, ``float64[units]``."""
        weights = None if self.amount is None else self.amount[rows]
        return np.bincount(self.unit[rows], weights, minlength=units).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All that the reports of an experiment are made from; n units."""

    wanted: Wanted
    arms: Arms
    exposed_ms: NDArray[np.int64]
    """When each unit was exposed, ``int64[n]``."""
    is_new: NDArray[np.bool_]
    """Whether the log knew nothing of it before, ``bool[n]``."""
    events: Events
    segments: tuple[Segment, ...]
    counts: dict[str, int]
    """Interactions of each type that was wanted, of anybody."""
    rankings: int
    without_unit: int
    too_early: int
    testers: int
    """Units of forced testers, which are left out."""
    in_two_arms: int
    """Units that were served more than one variant; they count with their first."""
    without_value: int
    log_from_ms: int
    log_to_ms: int

    @property
    def units(self) -> int:
        """How many units were exposed."""
        return len(self.exposed_ms)

    @property
    def pre_days(self) -> int:
        """Whole days before every exposure that the log covers, at most those wanted."""
        if not self.units:
            return 0
        start = int(self.exposed_ms.min())
        return max(min((start - self.log_from_ms) // DAY_MS, self.wanted.pre_days), 0)

    def after(self, need: Need) -> Amounts:
        """What units came by after their exposure, within the need's time.

        A day counts at the moment when it is over.
        """
        events, since = self.events, self._since_exposure(need)
        inside = (since > need.after_ms) & (since <= need.until_ms)
        if need.of == "days":
            return self._days(events.unit[inside], since[inside], need)
        return Amounts(events.unit[inside], events.time_ms[inside], self._amount(need, inside))

    def before(self, need: Need) -> NDArray[np.float64]:
        """The same of the ``pre_days`` before each exposure, ``float64[n]``."""
        events, since = self.events, self._since_exposure(need)
        inside = (since < 0) & (since >= -self.pre_days * DAY_MS)
        if need.of == "days":
            days = (-since[inside] - 1) // DAY_MS
            distinct = np.unique(events.unit[inside].astype(np.int64) * self.pre_days + days)
            units = distinct // max(self.pre_days, 1)
            return np.bincount(units, minlength=self.units).astype(np.float64)
        amounts = Amounts(events.unit[inside], events.time_ms[inside], self._amount(need, inside))
        return amounts.total(slice(None), self.units)

    def _since_exposure(self, need: Need) -> NDArray[np.int64]:
        """Time since the unit's exposure of each event; 0, which never counts, of other types."""
        events = self.events
        since = events.time_ms - self.exposed_ms[events.unit]
        if need.types:
            codes = events.types_of(need.types)
            is_wanted = np.zeros(max(codes, default=0) + 1, bool)
            is_wanted[codes] = True
            highest = len(is_wanted) - 1
            wanted = is_wanted[np.minimum(events.type, highest)] & (events.type <= highest)
            since = np.where(wanted, since, 0)
        return since

    def _amount(self, need: Need, inside: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        if need.of == "value":
            assert self.events.value is not None
            return self.events.value[inside]
        if self.events.count is not None:
            return self.events.count[inside].astype(np.float64)
        return None

    def _days(self, units: NDArray[np.int32], since: NDArray[np.int64], need: Need) -> Amounts:
        span = -(-need.until_ms // DAY_MS)
        day = (since - 1) // DAY_MS
        distinct = np.unique(units.astype(np.int64) * span + day)
        unit, day = (distinct // span).astype(np.int32), distinct % span
        over_ms = self.exposed_ms[unit] + (day + 1) * DAY_MS
        order = np.argsort(over_ms, kind="stable")
        return Amounts(unit[order], over_ms[order], None)
