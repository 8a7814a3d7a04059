"""Kernels of the row store: an open-addressing hash index into one arena of words.

``keys``    uint64[capacity]   key of each slot, 0 for a free one; capacity is a power of two
``places``  int64[capacity]    first word of the slot's row
``words``   float64[...]       the arena; hashed fields hold the bits of a uint64
``used``    int64[2]           slots taken, words taken

Invariant: a key never moves to another row, and a row never changes its length.
"""

import numpy as np

from liverank.compiled import compiled

MISSING = np.int64(-1)
"""The entity is known but has no row: nothing was counted yet."""
UNKNOWN = np.int64(-2)
"""There is no such entity here: a field that was never set, an element that does not exist."""


@compiled
def mix(key):
    """The finalizer of SplitMix64 (Steele et al. 2014): spreads every bit over the whole word."""
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@compiled
def row_key(table, first, second):
    """The key of a row of a table; never 0."""
    key = mix(first + np.uint64(table + 1) * np.uint64(0x9E3779B97F4A7C15))
    key = mix(key ^ (second * np.uint64(0xD6E8FEB86659FD93) + np.uint64(0x2545F4914F6CDD1D)))
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def slot_of(keys, key):
    """The slot that holds the key, or the free one that it would take."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != key and keys[slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def find(keys, places, key):
    """The first word of the key's row, or MISSING."""
    slot = slot_of(keys, key)
    return places[slot] if keys[slot] == key else MISSING


@compiled
def find_or_add(keys, places, words, used, key, width, block):
    """The first word of the key's row, which is made where it is missing.

    A new row of counters (``block`` > 0) starts each block of that many words with NaN, "never",
    and zeros. There must be room.
    """
    slot = slot_of(keys, key)
    if keys[slot] == key:
        return places[slot]
    place = used[1]
    for word in range(width):
        words[place + word] = np.nan if block > 0 and word % block == 0 else 0.0
    used[0] += 1
    used[1] += width
    places[slot] = place
    keys[slot] = key
    return place


@compiled
def rehash(keys, places, new_keys, new_places):
    """Copy an index into an empty, larger one."""
    for old in range(keys.size):
        key = keys[old]
        if key != np.uint64(0):
            slot = slot_of(new_keys, key)
            new_places[slot] = places[old]
            new_keys[slot] = key
