"""Kernels for the people who are in an item now, and for edges (whom a person follows).

A person is in the item that they entered last, unless they left it at that time or later. An item's
audience is stored as counts by time of entering, so that people who never leave expire.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.history import history_size, time_of, type_of
from liverank.features.kernels.memory.index import MISSING, offset_of, take
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    CHUNK_EDGES,
    CHUNK_ENTRIES,
    NUMBERS_CAPACITY,
    NUMBERS_ENTER,
    NUMBERS_LEAVE,
    REALS_PRESENT_MS,
)
from liverank.features.layout.constants import (
    AUDIENCE_BUCKETS,
    ITEM_AUDIENCE,
    ITEM_PEAK,
    ROW_KEY,
    USER_EDGE_COUNT,
    USER_EDGES,
    USER_HISTORY,
    USER_PRESENT,
    USER_PRESENT_SINCE,
)

MAX_EDGES = 2_000
"""Maximum number of edges of a person; a new one replaces the oldest."""
_OVER = np.uint64(1 << 16)
_RELATION = np.uint64(0xFFFF)
_EDGE_TIME = np.uint64(17)


@compiled
def move(store, layout, of_user, at):
    """After a person entered or left an item, update their current item and the audiences."""
    words = store.words
    ints = store.ints
    item, since = _whereabouts(store, layout, of_user)
    before, since_before = ints[of_user + USER_PRESENT], words[of_user + USER_PRESENT_SINCE]
    if item == before and since == since_before:
        return
    if before != 0:
        _change_audience(store, layout, offset_of(store, before), since_before, -1.0)
    ints[of_user + USER_PRESENT], words[of_user + USER_PRESENT_SINCE] = item, since
    if item != 0:
        row = offset_of(store, item)
        _change_audience(store, layout, row, since, 1.0)
        if row != MISSING:
            words[row + ITEM_PEAK] = max(
                words[row + ITEM_PEAK], audience_at(store, layout, row, at)
            )


@compiled
def leave_for_good(store, layout, of_user):
    """Remove a person from the audience they are in, before their history is freed."""
    words = store.words
    item = store.ints[of_user + USER_PRESENT]
    if item != 0:
        row = offset_of(store, item)
        _change_audience(store, layout, row, words[of_user + USER_PRESENT_SINCE], -1.0)
        store.ints[of_user + USER_PRESENT], words[of_user + USER_PRESENT_SINCE] = 0, 0.0


@compiled
def audience_at(store, layout, row, at):
    """Number of unexpired people in an item; expiry is exact to a seventh of its time."""
    words = store.words
    oldest = np.floor((at - layout.reals[REALS_PRESENT_MS]) / _bucket_ms(layout))
    total = 0.0
    for bucket in range(AUDIENCE_BUCKETS):
        word = row + ITEM_AUDIENCE + 2 * bucket
        if words[word] - 1.0 > oldest:
            total += words[word + 1]
    return total


@compiled
def set_edge(store, of_user, target, relation, is_active, at):
    """Store the latest state of an edge; at equal times, its end wins."""
    ints, bits = store.ints, store.bits
    time = np.uint64(min(max(at, 0.0), 1.7e13))
    edge = (time << _EDGE_TIME) | (np.uint64(0) if is_active else _OVER) | np.uint64(relation)
    chunk, left = ints[of_user + USER_EDGES], ints[of_user + USER_EDGE_COUNT]
    oldest = 0
    while left > 0:
        inside = (left - 1) % CHUNK_EDGES + 1
        left -= inside
        for word in range(chunk + 1, chunk + 1 + 2 * inside, 2):
            if bits[word] == target and bits[word + 1] & _RELATION == np.uint64(relation):
                bits[word + 1] = max(bits[word + 1], edge)
                return
            if oldest == 0 or _edge_before(bits, word, oldest):
                oldest = word
        chunk = ints[chunk]
    if ints[of_user + USER_EDGE_COUNT] >= MAX_EDGES:
        if (bits[oldest + 1], bits[oldest]) < (edge, target):
            bits[oldest], bits[oldest + 1] = target, edge
        return
    filled = ints[of_user + USER_EDGE_COUNT] % CHUNK_EDGES
    if filled == 0:
        chunk = take(store, CHUNK, CHUNK_CLASS)
        ints[chunk] = ints[of_user + USER_EDGES]
        ints[of_user + USER_EDGES] = chunk
    word = ints[of_user + USER_EDGES] + 1 + 2 * filled
    bits[word], bits[word + 1] = target, edge
    ints[of_user + USER_EDGE_COUNT] += 1


@compiled
def targets_of(store, layout, of_user, relation):
    """The targets of a person's active edges of a relation, uint64[n] in no order."""
    ints, bits = store.ints, store.bits
    left = min(max(ints[of_user + USER_EDGE_COUNT], 0), MAX_EDGES)
    targets = np.empty(left, np.uint64)
    found = 0
    chunk = ints[of_user + USER_EDGES]
    while left > 0 and 0 < chunk < layout.numbers[NUMBERS_CAPACITY] - CHUNK:
        inside = (left - 1) % CHUNK_EDGES + 1
        left -= inside
        for word in range(chunk + 1, chunk + 1 + 2 * inside, 2):
            edge = bits[word + 1]
            if edge & _RELATION == np.uint64(relation) and edge & _OVER == np.uint64(0):
                targets[found] = bits[word]
                found += 1
        chunk = ints[chunk]
    return targets[:found]


@compiled
def _edge_before(bits, word, other):
    return (bits[word + 1], bits[word]) < (bits[other + 1], bits[other])


@compiled
def _bucket_ms(layout):
    return layout.reals[REALS_PRESENT_MS] / (AUDIENCE_BUCKETS - 1)


@compiled
def _change_audience(store, layout, row, since, by):
    """Add ``by`` people to the bucket of the time when they entered."""
    if row == MISSING:
        return
    words = store.words
    bucket = np.floor(since / _bucket_ms(layout)) + 1.0  # 0 is an empty bucket
    word = row + ITEM_AUDIENCE + 2 * (np.int64(bucket) % AUDIENCE_BUCKETS)
    if words[word] < bucket:
        words[word], words[word + 1] = bucket, 0.0
    if words[word] == bucket:
        words[word + 1] += by


@compiled
def _whereabouts(store, layout, of_user):
    """A person's current item and since when, from the history: (number, Unix ms), or zeros."""
    ints, bits, halves = store.ints, store.bits, store.halves
    enter, leave = layout.numbers[NUMBERS_ENTER], layout.numbers[NUMBERS_LEAVE]
    item, since = np.int64(0), 0.0
    for wanted in (enter, leave):
        if wanted < 0 or (wanted == leave and item == 0):
            continue
        chunk, left = ints[of_user + USER_HISTORY], history_size(store, layout, of_user)
        while left > 0:
            inside = (left - 1) % CHUNK_ENTRIES + 1
            left -= inside
            for i in range(inside):
                entry = bits[chunk + 1 + i]
                if type_of(entry) != wanted:
                    continue
                number = np.int64(halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i])
                at = time_of(entry)
                if wanted == enter:
                    if item == 0 or at > since or (at == since and _is_later(store, number, item)):
                        item, since = number, at
                elif number == item and at >= since:
                    return np.int64(0), 0.0
            chunk = ints[chunk]
    return item, since


@compiled
def _is_later(store, number, other):
    """Of two items entered at the same time: whether the first one counts, by their keys."""
    bits = store.bits
    return bits[offset_of(store, number) + ROW_KEY] > bits[offset_of(store, other) + ROW_KEY]
