"""Histogram of latencies from 1 us to 60 s, with a precision of three digits.

Up to 2,047 us each microsecond has a bucket; above, each doubling has 1,024 buckets. Counts add up
over processes, as in HdrHistogram (Gil Tene). Invariant: a quantile is at most 0.1 % above the
exact one, and never below it.
"""

from collections.abc import Iterable
from math import ceil

import msgspec

MAX_US = 60_000_000
"""The largest value; larger ones are counted as this value."""

_DOUBLING = 10  # bits: buckets of one doubling
_SHIFTS = MAX_US.bit_length() - _DOUBLING - 1
_BUCKETS = (_SHIFTS + 2) << _DOUBLING


class Counts(msgspec.Struct, frozen=True):
    """The counts of a histogram, in a form that another process can add."""

    buckets: dict[int, int] = {}
    """The count of each bucket that is not empty."""
    sum_us: int = 0
    max_us: int = 0


class Histogram:
    """Counts of latencies in whole microseconds.

    >>> latencies = Histogram()
    >>> for value in (100, 200, 300, 4_000_000):
    ...     latencies.record(value)
    >>> latencies.count, latencies.quantile_us(0.5), latencies.max_us
    (4, 200, 4000000)
    """

    __slots__ = ("_counts", "count", "max_us", "sum_us")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.sum_us = 0
        """The exact sum."""
        self.max_us = 0
        """The exact largest value."""

    def record(self, value_us: int) -> None:
        """Count a value, clipped to 0 and ``MAX_US``."""
        value_us = min(max(value_us, 0), MAX_US)
        self.count += 1
        self.sum_us += value_us
        if value_us > self.max_us:
            self.max_us = value_us
        shift = value_us.bit_length() - 11
        if shift <= 0:
            self._counts[value_us] += 1
        else:
            self._counts[(shift << _DOUBLING) + (value_us >> shift)] += 1

    def quantile_us(self, share: float) -> int | None:
        """The largest value of the bucket in which the share of values is reached; None if empty.

        Raises ValueError if the share is not from 0 to 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"{share}: expected a share from 0 to 1")
        if self.count == 0:
            return None
        # a share such as 0.999 is not exact: 0.999 * 1000 must not round up to rank 1000
        wanted = max(1, ceil(share * self.count - 1e-9 * self.count))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_highest_us(bucket), self.max_us)
        raise AssertionError("counts do not add up")

    def mean_us(self) -> float | None:
        """The exact mean; None if empty."""
        return self.sum_us / self.count if self.count else None

    def filled(self) -> list[tuple[int, int]]:
        """The buckets that are not empty: their highest value and their count."""
        return [(_highest_us(bucket), count) for bucket, count in enumerate(self._counts) if count]

    def to_counts(self) -> Counts:
        """The counts, to be sent to another process."""
        buckets = {bucket: count for bucket, count in enumerate(self._counts) if count}
        return Counts(buckets, self.sum_us, self.max_us)

    def add(self, counts: Counts) -> None:
        """Add the counts of another process. Raises ValueError for a bucket that does not exist."""
        for bucket, count in counts.buckets.items():
            if not 0 <= bucket < _BUCKETS:
                raise ValueError(f"{bucket}: expected a bucket from 0 to {_BUCKETS - 1}")
            self._counts[bucket] += count
            self.count += count
        self.sum_us += counts.sum_us
        self.max_us = max(self.max_us, counts.max_us)


def sum_of(parts: Iterable[Counts]) -> Histogram:
    """One histogram of the counts of several processes."""
    total = Histogram()
    for part in parts:
        total.add(part)
    return total


def _highest_us(bucket: int) -> int:
    """The largest value that a bucket counts."""
    shift = max(0, (bucket >> _DOUBLING) - 1)
    return (((bucket - (shift << _DOUBLING)) + 1) << shift) - 1
