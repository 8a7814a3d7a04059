"""Lists built from bare interactions, for a log without rankings.

Each chosen interaction counts as a choice among the items that had one within the window before it.
Training lists hold the chosen item and a uniform sample of the others: the odds that a model learns
from a sample are those among all candidates, times a constant. (With a sample that favours popular
items, it would learn that popularity does not matter.) Test lists hold all candidates.
Invariant: lists depend on the times of interactions, not on their order of arrival.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Candidates
from liverank.dataset.lists.collected import AS_OF_TIME
from liverank.dataset.lists.implied_kernel import choices_of
from liverank.dataset.lists.lists import Lists, words_of_requests
from liverank.dataset.lists.requests import Requests
from liverank.dataset.sampling import evenly_spread_rows
from liverank.events.clock import right_times
from liverank.features.hashing import hash_column
from liverank.features.layout.layout import Layout
from liverank.features.state.state import Reads
from liverank.features.stream.ragged import offsets_of
from liverank.features.stream.time_order import TimeBounds, bounds_of

_Part = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]
"""Interactions: times int64[n] Unix ms, users and items uint64[n], numbers of requests int64[n]."""


class Choices:
    """Collects the interactions that lists are built from, frame by frame.

    ``max_future_ms`` is how far a clock may run ahead of the arrival.
    """

    def __init__(self, candidates: Candidates, *, max_future_ms: float) -> None:
        self.last_ms = -np.inf
        """The latest time of any event."""
        self._candidates = candidates
        self._max_future_ms = max_future_ms
        self._requests = Requests()
        self._parts: list[_Part] = []
        self._stretches: list[tuple[int, float]] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Collect the chosen interactions of the log's next events."""
        if frame.is_empty():
            return
        at, _ = right_times(frame, self._max_future_ms)
        self._stretches.append((int(frame["seq"][-1] or 0), float(at.min())))
        self.last_ms = max(self.last_ms, float(at.max()))
        is_wanted = (frame["type"] == self._candidates.interaction).fill_null(value=False)
        chosen = frame.filter(is_wanted)
        if chosen.height:
            self._parts.append(
                (
                    at[is_wanted.to_numpy()].astype(np.int64),
                    hash_column(chosen["user"]),
                    hash_column(chosen["item"]),
                    self._requests.numbered(chosen),
                )
            )

    def lists(
        self,
        layout: Layout,
        *,
        from_ms: float,
        to_ms: float,
        at_most: int,
        per_list: int | None,
        seed: int,
    ) -> Lists:
        """Lists of the choices with ``from_ms <= time < to_ms``, thinned evenly to ``at_most``.

        ``per_list`` items each, including the chosen one (choices of an item that was not a
        candidate are left out); or, if None, all candidates, whether or not the chosen one is among
        them. Choices of the log's first window are left out, where the log is long enough, because
        some of their candidates are unknown.
        """
        time, user, item, request = self._in_time_order()
        items, codes = np.unique(item, return_inverse=True)
        within_ms = self._candidates.within_ms
        chosen, total = _thinned(time, within_ms, from_ms, to_ms, at_most)
        offsets, picked, labels = choices_of(
            time,
            codes.astype(np.int64),
            chosen,
            within_ms,
            -1 if per_list is None else per_list,
            np.uint64(seed),
        )
        sizes = np.diff(offsets)
        if len(chosen) == total:  # unknown for those that thinning left out
            total -= int(np.count_nonzero(sizes == 0))
        chosen = chosen[sizes > 0]
        at = time[chosen].astype(np.float64)
        words = words_of_requests(self._requests.table(), layout)
        return Lists(
            Reads(
                before=np.full(len(chosen), AS_OF_TIME),
                user=user[chosen],
                at=at,
                request=words[request[chosen]],
                offsets=offsets_of(sizes[sizes > 0]),
                items=items[picked],
                positions=np.full(len(picked), np.nan),
            ),
            labels=labels,
            seen=np.ones(len(picked), np.bool_),
            served=np.ones(len(picked), np.bool_),
            until_ms=at.copy(),
            bounds=self.bounds(),
            total=total,
        )

    def bounds(self) -> TimeBounds:
        """Time bounds of the log: how far its order differs from the order of time."""
        return bounds_of(self._stretches)

    def _in_time_order(self) -> _Part:
        """All interactions by time."""
        if not self._parts:
            none = np.empty(0, np.int64)
            return none, none.astype(np.uint64), none.astype(np.uint64), none
        time = np.concatenate([part[0] for part in self._parts])
        user = np.concatenate([part[1] for part in self._parts])
        item = np.concatenate([part[2] for part in self._parts])
        request = np.concatenate([part[3] for part in self._parts])
        order = np.lexsort((self._requests.hashes()[request], item, user, time))
        return time[order], user[order], item[order], request[order]


def _thinned(
    time: NDArray[np.int64], within_ms: int, from_ms: float, to_ms: float, at_most: int
) -> tuple[NDArray[np.int64], int]:
    """At most ``at_most`` choices of the period, evenly spread (int64[c]), and their total."""
    if len(time) == 0:
        return np.empty(0, np.int64), 0
    warm_ms = min(int(time[0]) + within_ms, (int(time[0]) + min(to_ms, int(time[-1]))) / 2)
    inside = np.flatnonzero((time >= max(from_ms, warm_ms)) & (time < to_ms))
    total = len(inside)
    if total > at_most:
        inside = inside[evenly_spread_rows(total, at_most, floor=True)]
    return inside, total
