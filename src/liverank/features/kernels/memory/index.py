"""Kernels for the rows of state: an arena of words, and an index that finds them by 64-bit keys.

A row is identified by its offset: its first word in the arena. Rows move only in a compaction
between two events (``compact``), so an offset is valid within an event or a read. The arena begins
with an all-zero row, used for every missing row, and an all-NaN row, used for every unknown one.
The index is a hash table with linear probing. An entry is one word: the row's offset and the low
half of its key, which differs for nearly all rows; the full key in the row is then compared. Each
size of the index has its own part of the same array: level n begins at slot 2**n. So growing copies
into fresh memory and then changes one number, and a reader of the old level still reads a valid
index.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    HEADER_FREE_LISTS,
    HEADER_FREED,
    HEADER_LEVEL,
    HEADER_ROWS,
    HEADER_USED,
    MAX_ITEMS,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import prefetch
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import ROW_KEY

MISSING = np.int64(0)
"""The offset of the all-zero row."""
FULLEST = 0.5
"""Maximum load factor of the index, so that searches are short."""
_LOW = np.uint64(0xFFFFFFFF)
LINE = 8
"""Number of words in a cache line."""


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
def home_of(store, key):
    """The slot where the search for a key begins."""
    level = np.uint64(1) << np.uint64(store.header[HEADER_LEVEL])
    return np.int64(level + (key & (level - np.uint64(1))))


@compiled
def find(store, key):
    """The first word of the key's row, or MISSING."""
    index, bits = store.index, store.bits
    level = np.uint64(1) << np.uint64(store.header[HEADER_LEVEL])
    mask = level - np.uint64(1)
    slot = key & mask
    while True:
        entry = index[level + slot]
        if entry == np.uint64(0):
            return MISSING
        if (entry ^ key) & _LOW == np.uint64(0) and bits[offset_in(entry) + ROW_KEY] == key:
            return offset_in(entry)
        slot = (slot + np.uint64(1)) & mask


@compiled
def find_all(store, keys, n, width, unknown, offsets):
    """Fill in what ``find`` returns for n keys, and ``unknown`` for a key of 0.

    ``keys`` points to uint64[n], ``offsets`` to int64[n]. Memory serves many requests at once
    faster than one after the other, so all entries, and then the ``width`` words of all rows, are
    prefetched first.
    """
    slots, words = store.index, store.words
    level = np.uint64(1) << np.uint64(store.header[HEADER_LEVEL])
    mask = level - np.uint64(1)
    for i in range(n):
        prefetch(slots, np.int64(level + (keys[i] & mask)))
    for i in range(n):
        row = offset_in(slots[level + (keys[i] & mask)])
        for word in range(0, width, LINE):
            prefetch(words, row + word)
    for i in range(n):
        offsets[i] = unknown if keys[i] == np.uint64(0) else find(store, keys[i])


@compiled
def entry_of(offset, key):
    """An entry of the index: a row's offset, and the low half of its key (or old entry)."""
    return (np.uint64(offset) << np.uint64(32)) | (key & _LOW)


@compiled
def offset_in(entry):
    """The row's offset in an entry of the index."""
    return np.int64(entry >> np.uint64(32))


@compiled
def offset_of(store, number):
    """The offset of an item's row by its number; MISSING once the row is removed."""
    return np.int64(store.directory[directory_slot(number)])


@compiled
def directory_slot(number):
    """The slot of an item in the directory; within bounds even in a torn read."""
    return np.int64(number) & (MAX_ITEMS - 1)


@compiled
def add(store, table, key, width):
    """Create a row of zeros, except for its key, and add it to the index; returns its offset."""
    header = store.header
    if header[HEADER_ROWS] + 1 > FULLEST * (np.int64(1) << header[HEADER_LEVEL]):
        _grow(store)
    row = take(store, width, table)
    store.bits[row + ROW_KEY] = key
    _insert(store, header[HEADER_LEVEL], entry_of(row, key), table)
    header[HEADER_ROWS] += 1
    return row


@compiled
def slot_of(keys, key):
    """The slot of a key in a hash set, uint64[2**k] that is not full: its own, or a free one."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != key and keys[slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def find_or_add(store, layout, table, first, second):
    """The first word of the row of a table with this key; the row is created if missing."""
    key = row_key(table, first, second)
    row = find(store, key)
    return row if row != MISSING else add(store, table, key, shape_of(layout, table, SHAPE_WIDTH))


@compiled
def take(store, width, free_list):
    """Allocate zeroed words of the arena, from a free list or fresh ones; returns the first."""
    header, words = store.header, store.words
    first = header[HEADER_FREE_LISTS + free_list]
    if first == 0:
        first = header[HEADER_USED]
        header[HEADER_USED] += width
    else:
        header[HEADER_FREE_LISTS + free_list] = store.ints[first]
        header[HEADER_FREED] -= width
        for word in range(first, first + width):
            words[word] = 0.0
    return first


@compiled
def give_back(store, first, width, free_list):
    """Put words on a free list."""
    header = store.header
    store.ints[first] = header[HEADER_FREE_LISTS + free_list]
    header[HEADER_FREE_LISTS + free_list] = first
    header[HEADER_FREED] += width


@compiled
def give_back_chain(store, chunk):
    """Put a chain of chunks on the free list."""
    links = store.ints
    while chunk != 0:
        following = links[chunk]
        give_back(store, chunk, CHUNK, CHUNK_CLASS)
        chunk = following


@compiled
def remove(store, key):
    """Remove a key from the index, closing the gap behind it (Knuth 6.4, algorithm R)."""
    header, index, tables = store.header, store.index, store.tables
    row = find(store, key)
    if row == MISSING:
        return
    level = np.int64(1) << header[HEADER_LEVEL]
    mask = level - 1
    gap = np.int64(key & np.uint64(mask))
    while offset_in(index[level + gap]) != row:
        gap = (gap + 1) & mask
    slot = gap
    while True:
        slot = (slot + 1) & mask
        other = index[level + slot]
        if other == np.uint64(0):
            break
        home = np.int64(other & np.uint64(mask))
        if ((slot - home) & mask) >= ((slot - gap) & mask):
            index[level + gap], tables[level + gap] = other, tables[level + slot]
            gap = slot
    index[level + gap] = np.uint64(0)
    header[HEADER_ROWS] -= 1


@compiled
def _insert(store, level, entry, table):
    """Put an entry into its slot; its bits of the key suffice for every level."""
    index, tables = store.index, store.tables
    size = np.uint64(1) << np.uint64(level)
    slot = entry & (size - np.uint64(1))
    while index[size + slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & (size - np.uint64(1))
    tables[size + slot] = table
    index[size + slot] = entry


@compiled
def _grow(store):
    """Copy the index into the next level, and only then switch to it."""
    header, index, tables = store.header, store.index, store.tables
    size = np.int64(1) << header[HEADER_LEVEL]
    for slot in range(size, 2 * size):
        if index[slot] != np.uint64(0):
            _insert(store, header[HEADER_LEVEL] + 1, index[slot], np.int64(tables[slot]))
    header[HEADER_LEVEL] += 1


@compiled
def used_words(header):
    """Words used by a state, from its header: rows, chunks, and nine bytes per index slot."""
    return header[HEADER_USED] - header[HEADER_FREED] + (np.int64(9) << header[HEADER_LEVEL]) // 8
