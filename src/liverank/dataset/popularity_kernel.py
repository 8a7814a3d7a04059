"""The kernels that count events of an item in a window of time."""

import numpy as np

from liverank.compiled import compiled


@compiled
def rising_times(items, times):
    """Times as of when the log knew of them: a straggler counts as late as the one before it."""
    rising = times.copy()
    for row in range(1, times.size):
        if items[row] == items[row - 1]:
            rising[row] = max(rising[row], rising[row - 1])
    return rising


@compiled
def count_before(items, seqs, times, wanted, before, since):
    """Events of an item with ``seq < before`` and ``time > since``: float64[k].

    ``items`` uint64[n], ``seqs`` int64[n], ``times`` float64[n] are sorted by item, then seq;
    an item's times rise. ``wanted`` uint64[k], ``before`` int64[k], ``since`` float64[k].
    """
    counts = np.zeros(wanted.size)
    for row in range(wanted.size):
        start = np.searchsorted(items, wanted[row])
        stop = np.searchsorted(items, wanted[row], side="right")
        stop = start + np.searchsorted(seqs[start:stop], before[row])
        counts[row] = stop - start - np.searchsorted(times[start:stop], since[row], side="right")
    return counts
