"""Sorts events by the times at which they happened, whatever their order of arrival.

Events of the same millisecond are ordered by kind (rankings before interactions) and then by
content, so the order depends on the events alone: not on files, imports or processes. Memory is
bounded: events that cannot be yielded yet wait, and are spilled to disk when there are too many.
Invariant: the same events in any order of arrival come out in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.features.stream.event_arrays import Stream
from liverank.features.stream.ragged import taken
from liverank.features.stream.runs import Run, merged
from liverank.features.stream.stream_parts import events_at, joined

MOST_WAITING = 2_000_000
"""Maximum number of events that wait in memory; more are spilled to disk."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class TimeBounds:
    """The times of a log's events, from an earlier reading.

    ``last_seqs`` int64[f], ascending: the last event of each part of the log; ``least_ms``
    float64[f]: the earliest time in that part or a later one.
    """

    last_seqs: NDArray[np.int64]
    least_ms: NDArray[np.float64]

    def after(self, seq: int) -> float:
        """A lower bound of the times of events after ``seq``; infinity after the last one."""
        stretch = int(np.searchsorted(self.last_seqs, seq, side="right"))
        return float(self.least_ms[stretch]) if stretch < len(self.last_seqs) else np.inf

    @property
    def last_seq(self) -> int:
        """The seq of the last event that was read; 0 where there was none."""
        return int(self.last_seqs[-1]) if len(self.last_seqs) else 0


def bounds_of(stretches: list[tuple[int, float]]) -> TimeBounds:
    """The bounds of a log read in parts, each given as (last seq, earliest time in Unix ms).

    >>> bounds = bounds_of([(10, 500.0), (20, 300.0), (30, 900.0)])
    >>> bounds.after(10), bounds.after(20), bounds.after(30)
    (300.0, 900.0, inf)
    """
    least = np.array([least for _, least in stretches], np.float64)
    return TimeBounds(
        np.array([seq for seq, _ in stretches], np.int64),
        np.minimum.accumulate(least[::-1])[::-1],
    )


class TimeSorter:
    """Takes events in any order, and yields them sorted by time; spills to disk."""

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting: list[Stream] = []
        self._runs: list[Run] = []

    def add(self, stream: Stream) -> None:
        """Take more events. Raises DatasetError when there is no disk space to spill to."""
        if len(stream):
            self._waiting.append(stream)
        if sum(map(len, self._waiting)) > self._most_waiting:
            self._runs.append(Run(_sorted(self._waiting)))
            self._waiting = []

    def ready(self, until_ms: float) -> Stream | None:
        """Remove and sort the waiting events before a time; None for none, or once any spilled."""
        if self._runs or not self._waiting:
            return None
        ready, self._waiting = _split(self._waiting, until_ms)
        return ready

    def passing(self, streams: Iterable[Stream]) -> Iterator[Stream]:
        """Yield the streams unchanged, and add their events."""
        for stream in streams:
            self.add(stream)
            yield stream

    def sorted(self) -> Iterator[Stream]:
        """All remaining events, by time, after the last ``add``."""
        try:
            if not self._runs:
                if self._waiting:
                    yield _sorted(self._waiting)
                return
            last = [_sorted(self._waiting)] if self._waiting else []
            for piece in merged(self._runs, last):
                yield _sorted(piece)
        finally:
            for run in self._runs:
                run.close()


def in_time_order(
    streams: Iterable[Stream],
    *,
    bounds: TimeBounds | None = None,
    most_waiting: int = MOST_WAITING,
) -> Iterator[Stream]:
    """The events of all streams, sorted by time.

    With the ``bounds`` of the same log, events are passed on as soon as no earlier one can come;
    without, only at the end. Raises DatasetError when there is no disk space to spill to.
    """
    sorter = TimeSorter(most_waiting=most_waiting)
    for stream in streams:
        sorter.add(stream)
        if bounds is not None and len(stream):
            ready = sorter.ready(bounds.after(int(stream.seq[-1])))
            if ready is not None:
                yield ready
    yield from sorter.sorted()


def time_sorted(stream: Stream) -> Stream:
    """The events of one stream, sorted by time."""
    order = _order(stream)
    return stream if order is None else events_at(stream, order)


def _sorted(streams: list[Stream]) -> Stream:
    return time_sorted(joined(streams))


def _split(waiting: list[Stream], until_ms: float) -> tuple[Stream | None, list[Stream]]:
    """The sorted events before a time, if any, and the streams of the others."""
    both = joined(waiting)
    early = both.at < until_ms
    if early.all():
        return time_sorted(both), []
    if not early.any():
        return None, [both]
    ready = time_sorted(events_at(both, np.flatnonzero(early)))
    return ready, [events_at(both, np.flatnonzero(~early))]


def _order(stream: Stream) -> NDArray[np.int64] | None:
    """The order of a stream's events, int64[n]; None where they are sorted already."""
    at = stream.at
    order = np.arange(len(at))
    is_sorted = bool((at[1:] >= at[:-1]).all())
    if not is_sorted:
        order = np.argsort(at, kind="stable")
        at = at[order]
    same = at[1:] == at[:-1]
    if not same.any():
        return None if is_sorted else order
    tied = np.flatnonzero(np.append(False, same) | np.append(same, False))
    rows = order[tied]
    # the ties are sorted by time, so one number combines the time and the kind
    moments = np.cumsum(np.append(False, ~same))[tied] * 8 + stream.kind[rows]
    order[tied] = rows[np.lexsort((_contents(stream, rows), moments))]
    return order


def _contents(stream: Stream, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each event's content, uint64[m]: everything that affects a fold."""
    mixed = np.zeros(len(rows), np.uint64)
    for values in (
        stream.user[rows],
        stream.item[rows],
        stream.type[rows].astype(np.uint64),
        stream.also[rows].astype(np.uint64),
        stream.state[rows].astype(np.uint64),
        stream.relation[rows].view(np.uint64),
        stream.value[rows].view(np.uint64),
        _sums(stream.set_offsets, stream.set_value, rows, stream.set_word.astype(np.uint64)),
        _sums(stream.items_offsets, stream.items, rows),
    ):
        mixed = (mixed ^ values) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _sums(
    offsets: NDArray[np.int64],
    values: NDArray[np.uint64],
    rows: NDArray[np.int64],
    salts: NDArray[np.uint64] | None = None,
) -> NDArray[np.uint64]:
    """For each row, the sum of the mixed hashes of its elements, uint64[m]."""
    chosen, elements = taken(offsets, rows)
    if not len(elements):
        return np.zeros(len(rows), np.uint64)
    mixed = values[elements] * _PRIME
    if salts is not None:
        mixed += (salts[elements] + np.uint64(1)) * _ODD
    mixed ^= mixed >> np.uint64(32)
    sums = np.append(np.uint64(0), np.cumsum(mixed * _ODD))
    found: NDArray[np.uint64] = sums[chosen[1:]] - sums[chosen[:-1]]
    return found
