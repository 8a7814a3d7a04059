"""What a check reads: the counts up to the end of one hour, and which alarms are on.

Invariant: a check of an hour reads nothing of later hours, so hours may be checked afterwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HOURS, HourTable, Name, Series
from liverank.autopilot.monitoring.counts.people import BusyPeople
from liverank.autopilot.monitoring.counts.servers import Servers
from liverank.config import Config


@dataclass(frozen=True)
class View:
    """The state at the end of ``hour`` (a whole number of hours since 1970)."""

    config: Config
    table: HourTable
    people: BusyPeople
    servers: Servers
    lag_h: int
    """Hours after which the labels of an hour's lists are known."""
    hour: int
    active: dict[str, Alarm]
    """The alarms of the hour before, by key; precedence does not hide any here."""
    odd_hours: set[int] = field(default_factory=set)
    """Hours of critical alarms, which later hours are not compared with."""
    bots: frozenset[str] = frozenset()
    """Users who were bots at any time; nothing of theirs is counted."""

    @property
    def hours(self) -> int:
        """Number of hours since counting began, this one included; at most ``HOURS``."""
        first = self.table.first_hour
        return 0 if first is None else max(0, min(HOURS - 1, self.hour - first + 1))

    @property
    def end_ms(self) -> int:
        """When the hour ended, Unix ms."""
        return (self.hour + 1) * HOUR_MS

    @property
    def is_odd(self) -> NDArray[np.bool_]:
        """Which hours not to compare with: bool[hours]."""
        numbers = range(self.hour - self.hours + 1, self.hour + 1)
        return np.array([number in self.odd_hours for number in numbers], bool)

    def of(self, *name: str) -> Series:
        """The counts of a name since the beginning: float64[hours]."""
        return self.table.until(name, self.hour, self.hours)

    def total(self, *beginning: str) -> Series:
        """The sum of the counts of all names that begin so: float64[hours]."""
        total = np.zeros(self.hours)
        for name in self.table.names(*beginning):
            total += self.of(*name)
        return total

    def events(self, event: str, stream: str) -> Series:
        """The events of a stream without those of bots: float64[hours]."""
        return self.without_bots(self.of("events", event, stream), stream)

    def without_bots(self, counts: Series, stream: str) -> Series:
        """Counts of a stream without what bots did: float64[hours]."""
        if not self.bots:
            return counts
        counts = counts.copy()
        for index in range(self.hours):
            users = self.people.busiest(self.hour - self.hours + 1 + index).get(stream, {})
            counts[index] -= sum(count for user, count in users.items() if user in self.bots)
        return np.maximum(counts, 0.0)

    def since_ms(self, key: str, hours: int) -> int:
        """When a trouble began: as its alarm says if it is on, else so many hours ago."""
        known = self.active.get(key)
        return (self.hour + 1 - hours) * HOUR_MS if known is None else known.since_ms

    def streams(self, event: str) -> list[str]:
        """The streams of a kind of event, e.g. the types of interactions."""
        return [name[2] for name in self.table.names("events", event)]


Check: TypeAlias = Callable[[View], Iterator[Alarm]]
"""A check yields the alarms that are on at the end of the view's hour."""


def last(series: Series, hours: int) -> float:
    """The sum of the last hours of a series."""
    return float(series[-hours:].sum()) if hours > 0 else 0.0


def names_of(table: HourTable, *beginning: str) -> list[Name]:
    """The names that begin so, sorted."""
    return sorted(table.names(*beginning))
