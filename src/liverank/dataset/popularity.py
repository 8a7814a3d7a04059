"""The heuristics that a model has to beat: popularity over time windows, counted exactly.

Events may come in any order: each is added to the first list that it counts for, and running sums
over the lists of an item give the counts, so memory is bounded by the lists and not by the log.
Invariant: a count includes exactly the events before a list's own time or, for a list that we
served, the events before its cut.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels.labels import successes_of
from liverank.dataset.lists.collected import AS_OF_TIME
from liverank.dataset.lists.lists import Lists
from liverank.dataset.popularity_kernel import ItemEvents, Questions, add_events, sum_up
from liverank.events.clock import right_times
from liverank.features.hashing import hash_column
from liverank.features.layout.layout import Layout
from liverank.quantities import duration_ms

WINDOWS_MS = {
    "popular_1h": 3_600_000.0,
    "popular_6h": 21_600_000.0,
    "popular_24h": 86_400_000.0,
    "popular_all": np.inf,
}
"""Length of each heuristic's window before a list, in milliseconds."""
PRIOR_IMPRESSIONS = 20.0
"""Weight, in impressions, of the overall success rate in an item's smoothed success rate."""
_EVERY_ITEM = np.uint64(0)
"""Hash that stands for all items together; no item has it."""


class Popularity:
    """Counts events of the items of some lists, from frames of a log in ``seq`` order."""

    def __init__(self, lists: Lists, layout: Layout, config: Config) -> None:
        self._config, self._layout = config, layout
        self._max_future_ms = duration_ms(config.features.max_future)
        rows = np.repeat(np.arange(len(lists)), lists.sizes)
        windows = tuple(WINDOWS_MS.values())
        reads = lists.reads
        at, before = reads.at[rows], reads.before[rows]
        self._successes = _Counter(reads.items, at, before, windows)
        self._impressions = self._all_successes = self._all_impressions = None
        self._rows = rows
        if layout.impression is not None:
            every_item = np.full(len(lists), _EVERY_ITEM)
            self._impressions = _Counter(reads.items, at, before, (np.inf,))
            self._all_successes = _Counter(every_item, reads.at, reads.before, (np.inf,))
            self._all_impressions = _Counter(every_item, reads.at, reads.before, (np.inf,))

    def add(self, frame: pl.DataFrame) -> None:
        """Count the next events of the log."""
        if frame.is_empty():
            return
        at, _ = right_times(frame, self._max_future_ms)
        frame = frame.with_columns(pl.col("seq").fill_null(0), time=pl.Series(at))
        successes = _events_of(successes_of(frame, self._config.label))
        self._successes.add(successes)
        if self._impressions is None or self._all_impressions is None:
            return
        if self._layout.impressions_from_rankings:
            shown = (
                frame.filter(pl.col("event") == "ranking")
                .select("seq", "time", item="items")
                .explode("item", empty_as_null=False)
            )
        else:
            shown = frame.filter(pl.col("type") == self._config.impressions.interaction)
        impressions = _events_of(shown)
        self._impressions.add(impressions)
        assert self._all_successes is not None
        self._all_successes.add(_of_every_item(successes))
        self._all_impressions.add(_of_every_item(impressions))

    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Scores of each heuristic for all items of the lists, float64[k] by name.

        ``popular_*`` count successes in a window; ``success_rate`` divides all successes so far by
        all impressions so far, where impressions are known.
        """
        scores = dict(zip(WINDOWS_MS, self._successes.counts(), strict=True))
        if self._impressions is None:
            return scores
        assert self._all_successes is not None
        assert self._all_impressions is not None
        (shown,) = self._impressions.counts()
        (successes,), (impressions,) = self._all_successes.counts(), self._all_impressions.counts()
        overall = (successes / np.maximum(impressions, 1))[self._rows]
        scores["success_rate"] = (scores["popular_all"] + PRIOR_IMPRESSIONS * overall) / (
            shown + PRIOR_IMPRESSIONS
        )
        return scores

    def passing(self, frames: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
        """Yield the same frames, and count their events."""
        for frame in frames:
            self.add(frame)
            yield frame


def popularity_scores(
    frames: Iterable[pl.DataFrame], lists: Lists, layout: Layout, config: Config
) -> dict[str, NDArray[np.float64]]:
    """Scores of each heuristic for all items of the lists, float64[k] by name; see ``scores``."""
    popularity = Popularity(lists, layout, config)
    for frame in frames:
        popularity.add(frame)
    return popularity.scores()


class _Part(NamedTuple):
    """The questions answered by seq, or those by time; ``numbers`` int64[k] among all questions."""

    numbers: NDArray[np.int64]
    questions: Questions


class _Counter:
    """Counts events of items in windows of time before questions.

    A question is about an item (``items`` uint64[k]) at a time (``at`` float64[k]); it counts the
    events with a seq below ``before``, int64[k], or those before ``at`` where it is AS_OF_TIME.
    """

    def __init__(
        self,
        items: NDArray[np.uint64],
        at: NDArray[np.float64],
        before: NDArray[np.int64],
        windows_ms: tuple[float, ...],
    ) -> None:
        self._size, self._windows_ms = len(items), np.array(windows_ms)
        is_served = before != AS_OF_TIME
        self._parts = [
            self._part(np.flatnonzero(which), items, at, before)
            for which in (is_served, ~is_served)
            if which.any()
        ]

    def add(self, events: ItemEvents) -> None:
        for part in self._parts:
            add_events(events, part.questions, self._windows_ms)

    def counts(self) -> NDArray[np.float64]:
        """The counts of each question, float64[windows, k]."""
        counts = np.empty((len(self._windows_ms), self._size))
        for part in self._parts:
            summed = part.questions.counts.copy()
            sum_up(part.questions.starts, summed)
            counts[:, part.numbers] = summed
        return counts

    def _part(
        self,
        numbers: NDArray[np.int64],
        items: NDArray[np.uint64],
        at: NDArray[np.float64],
        before: NDArray[np.int64],
    ) -> _Part:
        numbers = numbers[np.lexsort((at[numbers], before[numbers], items[numbers]))]
        distinct, starts = np.unique(items[numbers], return_index=True)
        starts = np.append(starts, len(numbers)).astype(np.int64)
        # cuts are authoritative: where a server's clock went back, times are made non-decreasing
        rising = at[numbers]
        for item in np.flatnonzero(np.diff(starts) > 1):
            own = slice(starts[item], starts[item + 1])
            rising[own] = np.maximum.accumulate(rising[own])
        counts = np.zeros((len(self._windows_ms), len(numbers)), np.int64)
        return _Part(numbers, Questions(distinct, starts, rising, before[numbers], counts))


def _events_of(frame: pl.DataFrame) -> ItemEvents:
    return ItemEvents(
        hash_column(frame["item"]),
        frame["time"].to_numpy(writable=True),
        frame["seq"].to_numpy(writable=True),
    )


def _of_every_item(events: ItemEvents) -> ItemEvents:
    return events._replace(items=np.full(len(events.items), _EVERY_ITEM))
