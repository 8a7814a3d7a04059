"""Kernels for a person's history: the latest impressions, and the latest other interactions.

A history is an unordered chain of chunks: an entry is (time, type, value) in one word, and the
item's number in a half word. Impressions and other interactions each have a limit, at which a new
entry replaces the oldest, so the content does not depend on the order of arrival. Values keep eight
significant bits.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.index import give_back_chain, offset_of, take
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    CHUNK_ENTRIES,
    NUMBERS_CAPACITY,
    NUMBERS_HISTORY_CAP,
    NUMBERS_IMPRESSION,
)
from liverank.features.layout.constants import (
    ROW_KEY,
    USER_DONE_COUNT,
    USER_HISTORY,
    USER_SEEN_COUNT,
)

TIME_SHIFT, TYPE_SHIFT = np.uint64(20), np.uint64(16)
TYPE_MASK, VALUE_MASK = np.uint64(15), np.uint64(0xFFFF)
_NO_VALUE = np.uint64(0x7FC0)


@compiled
def packed(at, type_, value):
    """Time, type and value as one word; later times give greater words. Times end in 2527."""
    time = np.uint64(min(max(at, 0.0), 1.7e13))
    return (time << TIME_SHIFT) | (np.uint64(type_) << TYPE_SHIFT) | _shortened(value)


@compiled
def time_of(entry):
    """The time of a packed entry, Unix ms."""
    return np.float64(entry >> TIME_SHIFT)


@compiled
def type_of(entry):
    """The interaction type of a packed entry."""
    return np.int64((entry >> TYPE_SHIFT) & TYPE_MASK)


@compiled
def value_of(entry):
    """The value of a packed entry; NaN for none."""
    return np.float64(np.uint32((entry & VALUE_MASK) << np.uint64(16)).view(np.float32))


@compiled
def remember(store, layout, of_user, entry, number):
    """Add an entry; at the limit it replaces the oldest of its sort, unless it is older itself."""
    ints, bits, halves = store.ints, store.bits, store.halves
    is_seen = type_of(entry) == layout.numbers[NUMBERS_IMPRESSION]
    kept = USER_SEEN_COUNT if is_seen else USER_DONE_COUNT
    if ints[of_user + kept] >= layout.numbers[NUMBERS_HISTORY_CAP]:
        chunk, i = _oldest(store, layout, of_user, is_seen)
        other = halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i]
        if comes_before(store, bits[chunk + 1 + i], other, entry, number):
            bits[chunk + 1 + i] = entry
            halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i] = number
        return
    filled = (ints[of_user + USER_SEEN_COUNT] + ints[of_user + USER_DONE_COUNT]) % CHUNK_ENTRIES
    if filled == 0:  # the first chunk is full, or there is none
        chunk = take(store, CHUNK, CHUNK_CLASS)
        ints[chunk] = ints[of_user + USER_HISTORY]
        ints[of_user + USER_HISTORY] = chunk
    chunk = ints[of_user + USER_HISTORY]
    bits[chunk + 1 + filled] = entry
    halves[2 * (chunk + 1 + CHUNK_ENTRIES) + filled] = number
    ints[of_user + kept] += 1


@compiled
def history_size(store, layout, of_user):
    """The number of a person's entries; within bounds even in a torn read."""
    ints = store.ints
    size = ints[of_user + USER_SEEN_COUNT] + ints[of_user + USER_DONE_COUNT]
    return min(max(size, 0), 2 * layout.numbers[NUMBERS_HISTORY_CAP])


@compiled
def history_of(store, layout, of_user):
    """A person's entries in order of time: (packed uint64[n], item numbers uint32[n])."""
    ints, bits, halves = store.ints, store.bits, store.halves
    size = history_size(store, layout, of_user)
    entries, numbers = np.empty(size, np.uint64), np.empty(size, np.uint32)
    chunk = ints[of_user + USER_HISTORY]
    left = size
    while left > 0 and 0 < chunk < layout.numbers[NUMBERS_CAPACITY] - CHUNK:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        for i in range(inside):
            entries[left + i] = bits[chunk + 1 + i]
            numbers[left + i] = halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i]
        chunk = ints[chunk]
    entries, numbers = entries[left:], numbers[left:]
    if not (entries[1:] >= entries[:-1]).all():  # a full history is a ring
        order = np.argsort(entries, kind="mergesort")
        entries, numbers = entries[order], numbers[order]
    for i in range(1, entries.size):  # order ties by items' keys
        entry, number = entries[i], numbers[i]
        before = i
        while before > 0 and comes_before(
            store, entry, number, entries[before - 1], numbers[before - 1]
        ):
            entries[before], numbers[before] = entries[before - 1], numbers[before - 1]
            before -= 1
        entries[before], numbers[before] = entry, number
    return entries, numbers


@compiled
def comes_before(store, entry, number, other, other_number):
    """Whether an entry is earlier than another; items' keys settle ties, not order of arrival."""
    if entry != other:
        return entry < other
    bits = store.bits
    return bits[offset_of(store, number) + ROW_KEY] < bits[offset_of(store, other_number) + ROW_KEY]


@compiled
def forget(store, of_user):
    """Free all chunks of a person's history."""
    ints = store.ints
    give_back_chain(store, ints[of_user + USER_HISTORY])
    ints[of_user + USER_HISTORY] = 0
    ints[of_user + USER_SEEN_COUNT] = 0
    ints[of_user + USER_DONE_COUNT] = 0


@compiled
def _oldest(store, layout, of_user, is_seen):
    """The oldest entry of a sort: (chunk, index in the chunk)."""
    ints, bits, halves = store.ints, store.bits, store.halves
    impression = layout.numbers[NUMBERS_IMPRESSION]
    chunk = ints[of_user + USER_HISTORY]
    left = ints[of_user + USER_SEEN_COUNT] + ints[of_user + USER_DONE_COUNT]
    oldest_chunk, oldest_index = 0, 0
    while left > 0:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        for i in range(inside):
            entry = bits[chunk + 1 + i]
            if (type_of(entry) == impression) != is_seen:
                continue
            if oldest_chunk == 0 or comes_before(
                store,
                entry,
                halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i],
                bits[oldest_chunk + 1 + oldest_index],
                halves[2 * (oldest_chunk + 1 + CHUNK_ENTRIES) + oldest_index],
            ):
                oldest_chunk, oldest_index = chunk, i
        chunk = ints[chunk]
    return oldest_chunk, oldest_index


@compiled
def _shortened(value):
    """The upper half of a float32's bits, rounded to nearest; NaN for no value."""
    if np.isnan(value):
        return _NO_VALUE
    bits = np.uint64(np.float32(value).view(np.uint32))
    return (bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)
