"""A table of counts by hour of the last fifteen days.

Invariant: memory is bounded: at most ``MOST_NAMES`` rows of ``HOURS`` numbers.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

HOUR_MS = 3_600_000
HOURS = 15 * 24
"""Hours that are kept."""
MOST_NAMES = 6_000
"""Rows at most; further names are counted in ``HourTable.dropped`` and not kept."""

Name: TypeAlias = tuple[str, ...]
"""What is counted, e.g. ``("events", "impression")``."""
Series: TypeAlias = NDArray[np.float64]


class HourTable:
    """Counts by name and hour; an hour is a whole number of hours since 1970 (UTC).

    >>> table = HourTable()
    >>> table.add(("events", "join"), 100, 2.0)
    >>> table.add(("events", "join"), 101, 1.0)
    >>> table.until(("events", "join"), 101, 3).tolist(), table.first_hour
    ([0.0, 2.0, 1.0], 100)
    """

    def __init__(self) -> None:
        self.first_hour: int | None = None
        """The first hour that was ever counted."""
        self.dropped = 0
        """Counts that were not kept, because they were too old or of too many names."""
        self._last = 0
        self._rows: dict[Name, Series] = {}

    def add(self, name: Name, hour: int, count: float) -> None:
        """Add to the count of a name in an hour."""
        if self.first_hour is None:
            self.first_hour, self._last = hour, hour
        if hour > self._last:
            self._advance(hour)
        row = self._rows.get(name)
        if hour <= self._last - HOURS or (row is None and len(self._rows) >= MOST_NAMES):
            self.dropped += 1
            return
        self.first_hour = min(self.first_hour, hour)
        if row is None:
            row = self._rows[name] = np.zeros(HOURS)
        row[hour % HOURS] += count

    def until(self, name: Name, hour: int, hours: int) -> Series:
        """The counts of the ``hours`` up to and with an hour, float64[hours]; 0 where none."""
        row = self._rows.get(name)
        if row is None:
            return np.zeros(hours)
        numbers = np.arange(hour - hours + 1, hour + 1)
        is_kept = (numbers > self._last - HOURS) & (numbers <= self._last)
        return np.where(is_kept, row[numbers % HOURS], 0.0)

    def names(self, *beginning: str) -> Iterator[Name]:
        """The names that begin with these words, in the order in which they appeared."""
        length = len(beginning)
        return (name for name in tuple(self._rows) if name[:length] == beginning)

    @property
    def nbytes(self) -> int:
        """Memory of the counts in bytes."""
        return len(self._rows) * HOURS * 8

    def _advance(self, hour: int) -> None:
        """Forget the hours that fall out, and names with no counts left."""
        gone = np.arange(self._last + 1, min(hour, self._last + HOURS) + 1) % HOURS
        is_new_day = hour // 24 != self._last // 24
        for row in self._rows.values():
            row[gone] = 0.0
        if is_new_day:
            self._rows = {name: row for name, row in self._rows.items() if row.any()}
        self._last = hour


def add_all(table: HourTable, rows: Iterable[tuple[Name, int, float]]) -> None:
    """Add rows of (name, hour, count)."""
    for name, hour, count in rows:
        table.add(name, hour, count)
