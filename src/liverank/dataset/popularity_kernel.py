"""Kernels that count, for each item of each list, the item's events before the list."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled


class ItemEvents(NamedTuple):
    """Events of items, in any order.

    items  uint64[n], hashes
    times  float64[n], Unix ms
    seqs   int64[n]
    """

    items: NDArray[np.uint64]
    times: NDArray[np.float64]
    seqs: NDArray[np.int64]


class Questions(NamedTuple):
    """Questions of how many events an item had before a time or a cut, grouped by item.

    items   uint64[m], distinct hashes, ascending
    starts  int64[m + 1]: the questions about item i are ``starts[i]`` to ``starts[i + 1]``
    at      float64[k], Unix ms, ascending within an item
    before  int64[k], the first seq that does not count, ascending within an item; all -1 where
            questions are answered by time alone
    counts  int64[w, k], the number of events in each of w windows; written by the kernels
    """

    items: NDArray[np.uint64]
    starts: NDArray[np.int64]
    at: NDArray[np.float64]
    before: NDArray[np.int64]
    counts: NDArray[np.int64]


@compiled
def add_events(events, questions, windows_ms):
    """Add ``ItemEvents`` to the counts of ``Questions``, which ``sum_up`` then sums.

    ``windows_ms`` float64[w]. An event is added at the first question that it counts for, and
    subtracted at the first one whose window it is too old for.
    """
    known, starts, at, before = (
        questions.items,
        questions.starts,
        questions.at,
        questions.before,
    )
    counts = questions.counts
    for event in range(events.items.size):
        item = np.searchsorted(known, events.items[event])
        if item == known.size or known[item] != events.items[event]:
            continue
        begin, end = starts[item], starts[item + 1]
        time = events.times[event]
        if before[begin] < 0:
            first = begin + np.searchsorted(at[begin:end], time, side="right")
        else:
            first = begin + np.searchsorted(before[begin:end], events.seqs[event], side="right")
        if first == end:
            continue
        for window in range(windows_ms.size):
            counts[window, first] += 1
            if windows_ms[window] < np.inf:
                over = begin + np.searchsorted(at[begin:end], time + windows_ms[window])
                over = max(over, first)
                if over < end:
                    counts[window, over] -= 1


@compiled
def sum_up(starts, counts):
    """Turn what ``add_events`` added into counts, int64[w, k]: running sums of each item."""
    for item in range(starts.size - 1):
        for question in range(starts[item] + 1, starts[item + 1]):
            for window in range(counts.shape[0]):
                counts[window, question] += counts[window, question - 1]
