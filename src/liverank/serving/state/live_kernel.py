"""Kernels that read the table of live items; see ``live_table`` for its arrays."""

import numpy as np

from liverank.compiled import compiled

HASH, HEARD, SINCE, ENDED, NAME_AT, NAME_BYTES, FIELDS_AT, FIELDS_BYTES = range(8)
"""Words of an item's row: as uint64, twice as float64, then as int64."""
WORDS = 8


@compiled
def collect_live(words, heard, live, count, oldest_ms, rows, hashes):
    """Collect the live items that were heard of after ``oldest_ms``; returns how many.

    ``words`` int64[items, WORDS] and ``heard`` the same memory as float64; ``live`` int32 with
    ``count`` rows; fills ``rows`` int64[count] and ``hashes`` uint64[count].
    """
    found = 0
    for place in range(count):
        row = live[place]
        if heard[row, HEARD] > oldest_ms:
            rows[found] = row
            hashes[found] = np.uint64(words[row, HASH])
            found += 1
    return found


@compiled
def find_rows(words, index, hashes, rows):
    """Fill in the rows of items, ``hashes`` uint64[n]: int64[n], -1 for one that is unknown."""
    mask = np.uint64(index.size - 1)
    for place in range(hashes.size):
        slot = hashes[place] & mask
        rows[place] = -1
        for _ in range(index.size):
            row = np.int64(index[slot]) - 1
            if row < 0:
                break
            if np.uint64(words[row, HASH]) == hashes[place]:
                rows[place] = row
                break
            slot = (slot + np.uint64(1)) & mask


@compiled
def mark_ended(words, index, hashes, has_ended):
    """Fill in which of the items, uint64[n], are known to have ended: bool[n]; returns how many."""
    rows = np.empty(hashes.size, np.int64)
    find_rows(words, index, hashes, rows)
    found = 0
    for place in range(hashes.size):
        has_ended[place] = rows[place] >= 0 and words[rows[place], ENDED] != 0
        found += has_ended[place]
    return found


@compiled
def add_to_index(words, index, row):
    """Let a new row be found by its hash."""
    mask = np.uint64(index.size - 1)
    slot = np.uint64(words[row, HASH]) & mask
    while index[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    index[slot] = row + 1
