"""The kernels that count, for each item of each list, what happened to the item before it."""

import numpy as np

from liverank.compiled import compiled


@compiled
def add_events(items, times, seqs, known, starts, at, before, windows_ms, counts):
    """Add events to counts that are still to be summed up.

    ``items`` uint64[n], ``times`` float64[n] (Unix ms), ``seqs`` int64[n] are events in any order.
    ``known`` uint64[m] are the items that are asked for, rising; the questions about item i are
    ``starts[i]`` to ``starts[i + 1]``, with ``at`` float64[k] and ``before`` int64[k], which both
    rise within an item; ``before`` is -1 for questions that go by time alone. ``windows_ms``
    float64[w], and ``counts`` int64[w, k]: an event is added at the first question that it counts
    for, and taken away at the first one whose window it is too old for.
    """
    for event in range(items.size):
        item = np.searchsorted(known, items[event])
        if item == known.size or known[item] != items[event]:
            continue
        begin, end = starts[item], starts[item + 1]
        time = times[event]
        if before[begin] < 0:
            first = begin + np.searchsorted(at[begin:end], time, side="right")
        else:
            first = begin + np.searchsorted(before[begin:end], seqs[event], side="right")
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
    """Turn what ``add_events`` added into counts: running sums within each item, in place."""
    for item in range(starts.size - 1):
        for question in range(starts[item] + 1, starts[item + 1]):
            for window in range(counts.shape[0]):
                counts[window, question] += counts[window, question - 1]
