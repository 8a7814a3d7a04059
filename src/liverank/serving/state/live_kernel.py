"""Kernels that read the table of live items; see ``live_table`` for its arrays."""

import numpy as np

from liverank.compiled import compiled

HASH, LAST_SIGN, SINCE, ENDED, NAME_AT, NAME_BYTES, FIELDS_AT, FIELDS_BYTES = range(8)
"""Columns of an item's row: the first is uint64, the next two float64, the others int64."""
WORDS = 8


@compiled
def collect_live(words, times, live, count, oldest_ms, rows, hashes):
    """Collect the live items with a sign of life after ``oldest_ms`` (Unix ms).

    ``words`` int64[items, WORDS], and ``times`` the same memory as float64; ``live`` int32 holds
    ``count`` row numbers. Fills ``rows`` int64[count] and ``hashes`` uint64[count]; returns the
    number of items.
    """
    found = 0
    for i in range(count):
        row = live[i]
        if times[row, LAST_SIGN] > oldest_ms:
            rows[found] = row
            hashes[found] = np.uint64(words[row, HASH])
            found += 1
    return found


@compiled
def find_rows(words, index, hashes, rows):
    """Look up the row numbers of items; -1 for an unknown item.

    ``words`` int64[items, WORDS]; ``index`` uint32[2 ** k] is a hash table of row numbers + 1;
    ``hashes`` uint64[n]; fills ``rows`` int64[n].
    """
    mask = np.uint64(index.size - 1)
    for i in range(hashes.size):
        slot = hashes[i] & mask
        rows[i] = -1
        for _ in range(index.size):
            row = np.int64(index[slot]) - 1
            if row < 0:
                break
            if np.uint64(words[row, HASH]) == hashes[i]:
                rows[i] = row
                break
            slot = (slot + np.uint64(1)) & mask


@compiled
def mark_ended(words, index, hashes, has_ended):
    """Mark the items that are known to have ended; returns their number.

    ``words`` and ``index`` are as in ``find_rows``; ``hashes`` uint64[n]; fills ``has_ended``
    bool[n].
    """
    rows = np.empty(hashes.size, np.int64)
    find_rows(words, index, hashes, rows)
    found = 0
    for i in range(hashes.size):
        has_ended[i] = rows[i] >= 0 and words[rows[i], ENDED] != 0
        found += has_ended[i]
    return found


@compiled
def add_to_index(words, index, row):
    """Add a new row number to ``index`` uint32[2 ** k], by the hash of its item."""
    mask = np.uint64(index.size - 1)
    slot = np.uint64(words[row, HASH]) & mask
    while index[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    index[slot] = row + 1
