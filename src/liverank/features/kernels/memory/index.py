"""Kernels for the rows of state: an arena of words, and an index that finds them by 64-bit keys.

A row moves only where gaps are closed between two events (``compact``), so a place in the arena is
good within an event or a read; the arena begins with a row of zeros, which every missing row reads
as, and a row of NaN, which an unknown one does. The index is open addressing with linear probing.
An entry is one word: the row's place, and the low half of its key, which tells nearly all other
rows apart; the row itself settles the rest. Each of the index's sizes has its own part of the same
array: level n lies at 2**n, so growing copies into fresh memory and then changes one number, and a
reader of the old level still reads what was true.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import (
    BITS,
    CHUNK,
    CHUNK_CLASS,
    DIRECTORY,
    FREE_LISTS,
    FREED,
    HEADER,
    INDEX,
    INTS,
    LEVEL,
    MAX_ITEMS,
    ROWS,
    TABLES,
    USED,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.pointers import prefetch
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import KEY

MISSING = np.int64(0)
"""The place of the row of zeros."""
FULLEST = 0.5
"""The share of the index's slots that may be taken: what is not there is found out soon."""
_LOW = np.uint64(0xFFFFFFFF)
LINE = 8
"""Words that memory is read by."""


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
    """Where in the index's array a key is looked for first."""
    level = np.uint64(1) << np.uint64(store[HEADER][LEVEL])
    return np.int64(level + (key & (level - np.uint64(1))))


@compiled
def find(store, key):
    """The first word of the key's row, or MISSING."""
    index, bits = store[INDEX], store[BITS]
    level = np.uint64(1) << np.uint64(store[HEADER][LEVEL])
    mask = level - np.uint64(1)
    slot = key & mask
    while True:
        entry = index[level + slot]
        if entry == np.uint64(0):
            return MISSING
        if (entry ^ key) & _LOW == np.uint64(0) and bits[place_in(entry) + KEY] == key:
            return place_in(entry)
        slot = (slot + np.uint64(1)) & mask


@compiled
def find_all(store, keys, n, width, unknown, places):
    """What ``find`` gives for n keys, and ``unknown`` for a key of 0.

    ``keys`` points to uint64[n], ``places`` to int64[n]. Memory answers many questions at once
    faster than one after the other, so all are asked first: for the entries, then for the ``width``
    words of the rows.
    """
    index, words = store[INDEX], store[WORDS]
    level = np.uint64(1) << np.uint64(store[HEADER][LEVEL])
    mask = level - np.uint64(1)
    for place in range(n):
        prefetch(index, np.int64(level + (keys[place] & mask)))
    for place in range(n):
        row = place_in(index[level + (keys[place] & mask)])
        for word in range(0, width, LINE):
            prefetch(words, row + word)
    for place in range(n):
        places[place] = unknown if keys[place] == np.uint64(0) else find(store, keys[place])


@compiled
def entry_of(place, key):
    """An entry of the index: a row's place, and the low half of its key, or of its entry before."""
    return (np.uint64(place) << np.uint64(32)) | (key & _LOW)


@compiled
def place_in(entry):
    """The place of the row of an entry of the index."""
    return np.int64(entry >> np.uint64(32))


@compiled
def place_of(store, number):
    """The place of the row of an item by its number; MISSING once it is gone."""
    return np.int64(store[DIRECTORY][directory_slot(number)])


@compiled
def directory_slot(number):
    """Where the directory says where an item is; within bounds, whatever a torn read gives."""
    return np.int64(number) & (MAX_ITEMS - 1)


@compiled
def add(store, table, key, width):
    """Make a row of zeros, bar its key, and find room for it in the index; returns its place."""
    header = store[HEADER]
    if header[ROWS] + 1 > FULLEST * (np.int64(1) << header[LEVEL]):
        _grow(store)
    place = take(store, width, table)
    store[BITS][place + KEY] = key
    _insert(store, header[LEVEL], entry_of(place, key), table)
    header[ROWS] += 1
    return place


@compiled
def slot_of(keys, key):
    """Where a small table of hashes, uint64[2**k] with room left, holds a key, or would hold it."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != key and keys[slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def find_or_add(store, layout, table, first, second):
    """The first word of the row of a table with this key, which is made where it is missing."""
    key = row_key(table, first, second)
    place = find(store, key)
    return place if place != MISSING else add(store, table, key, shape_of(layout, table, WIDTH))


@compiled
def take(store, width, of_class):
    """Words of the arena, all zero: given back ones of the same class, else fresh ones."""
    header, words = store[HEADER], store[WORDS]
    place = header[FREE_LISTS + of_class]
    if place == 0:
        place = header[USED]
        header[USED] += width
    else:
        header[FREE_LISTS + of_class] = store[INTS][place]
        header[FREED] -= width
        for word in range(place, place + width):
            words[word] = 0.0
    return place


@compiled
def give_back(store, place, width, of_class):
    """Put words on the free list of their class."""
    header = store[HEADER]
    store[INTS][place] = header[FREE_LISTS + of_class]
    header[FREE_LISTS + of_class] = place
    header[FREED] += width


@compiled
def give_back_chain(store, chunk):
    """Put a chain of chunks on the free list."""
    links = store[INTS]
    while chunk != 0:
        following = links[chunk]
        give_back(store, chunk, CHUNK, CHUNK_CLASS)
        chunk = following


@compiled
def remove(store, key):
    """Take a key out of the index, closing the gap behind it (Knuth 6.4, algorithm R)."""
    header, index, tables = store[HEADER], store[INDEX], store[TABLES]
    row = find(store, key)
    if row == MISSING:
        return
    level = np.int64(1) << header[LEVEL]
    mask = level - 1
    gap = np.int64(key & np.uint64(mask))
    while place_in(index[level + gap]) != row:
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
    header[ROWS] -= 1


@compiled
def _insert(store, level, entry, table):
    """Put an entry where its key belongs, of which it knows as many bits as any level needs."""
    index, tables = store[INDEX], store[TABLES]
    size = np.uint64(1) << np.uint64(level)
    slot = entry & (size - np.uint64(1))
    while index[size + slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & (size - np.uint64(1))
    tables[size + slot] = table
    index[size + slot] = entry


@compiled
def _grow(store):
    """Copy the index into the next level, and only then point to it."""
    header, index, tables = store[HEADER], store[INDEX], store[TABLES]
    size = np.int64(1) << header[LEVEL]
    for slot in range(size, 2 * size):
        if index[slot] != np.uint64(0):
            _insert(store, header[LEVEL] + 1, index[slot], np.int64(tables[slot]))
    header[LEVEL] += 1


@compiled
def used_words(store):
    """Words that state takes: rows, chunks, and the index at nine bytes a slot."""
    header = store[HEADER]
    return header[USED] - header[FREED] + (np.int64(9) << header[LEVEL]) // 8
