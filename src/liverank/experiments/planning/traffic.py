"""The number of users that enter an experiment, day by day."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.experiments.metrics.need import DAY_MS


class Traffic(msgspec.Struct, frozen=True):
    """Distinct users by the end of each day; after the last, a constant number joins each day.

    >>> traffic = Traffic((100.0, 150.0), 20.0)
    >>> traffic.users_by(1), traffic.users_by(4), traffic.days_until(190), traffic.days_until(90)
    (100.0, 190.0, 4.0, 1.0)
    """

    by_day: tuple[float, ...]
    later: float
    """New users a day after those days."""

    def users_by(self, days: int) -> float:
        """Users after this many days."""
        known = len(self.by_day)
        if days <= known:
            return self.by_day[days - 1]
        return (self.by_day[-1] if known else 0.0) + self.later * (days - known)

    def days_until(self, users: float) -> float:
        """Whole days until there are this many users; infinite if that never happens."""
        for day, count in enumerate(self.by_day, start=1):
            if count >= users:
                return float(day)
        missing = users - (self.by_day[-1] if self.by_day else 0.0)
        if self.later <= 0:
            return math.inf
        return len(self.by_day) + float(math.ceil(missing / self.later - 1e-9))

    def times(self, share: float) -> "Traffic":
        """The traffic of a share of these users."""
        return Traffic(tuple(share * count for count in self.by_day), share * self.later)


def traffic_of(exposed_ms: NDArray[np.int64], from_ms: float, days: int) -> Traffic:
    """The traffic in a log, from users' first rankings (``int64[n]``, Unix ms) over some days.

    Later days are assumed to have as many new users as the second half had on average.
    """
    day = ((exposed_ms - from_ms) // DAY_MS).astype(np.int64)
    counts = np.bincount(np.clip(day, 0, days - 1), minlength=days)
    by_day = np.cumsum(counts).astype(np.float64)
    half = days // 2
    later = (by_day[-1] - (by_day[half - 1] if half else 0.0)) / (days - half)
    return Traffic(tuple(by_day.tolist()), float(later))
