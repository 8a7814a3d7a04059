"""Kernels for who is in an item now, and for whom a person follows.

A person is in the item that they entered last, unless they left it at that time or later. An item's
audience is kept as counts by when its people came in, so that they expire.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.history import history_size, time_of, type_of
from liverank.features.kernels.memory.index import MISSING, place_of, take
from liverank.features.kernels.memory.offsets import (
    BITS,
    CAPACITY,
    CHUNK,
    CHUNK_CLASS,
    CHUNK_EDGES,
    CHUNK_ENTRIES,
    ENTER,
    HALVES,
    INTS,
    LEAVE,
    NUMBERS,
    PRESENT_MS,
    REALS,
    WORDS,
)
from liverank.features.layout.layout import (
    AUDIENCE,
    BUCKETS,
    EDGE_COUNT,
    EDGES,
    HISTORY,
    KEY,
    PEAK,
    PRESENT,
    PRESENT_SINCE,
)

MAX_EDGES = 2_000
"""Edges of a person that are kept; the oldest give way."""
_OVER = np.uint64(1 << 16)
_RELATION = np.uint64(0xFFFF)
_EDGE_TIME = np.uint64(17)


@compiled
def move(store, layout, of_user, at):
    """Settle where a person is after coming or going, and the audiences with it."""
    words = store[WORDS]
    ints = store[INTS]
    item, since = _whereabouts(store, layout, of_user)
    before, since_before = ints[of_user + PRESENT], words[of_user + PRESENT_SINCE]
    if item == before and since == since_before:
        return
    if before != 0:
        _change_audience(store, layout, place_of(store, before), since_before, -1.0)
    ints[of_user + PRESENT], words[of_user + PRESENT_SINCE] = item, since
    if item != 0:
        row = place_of(store, item)
        _change_audience(store, layout, row, since, 1.0)
        if row != MISSING:
            words[row + PEAK] = max(words[row + PEAK], audience_at(store, layout, row, at))


@compiled
def leave_for_good(store, layout, of_user):
    """Count a person out whose history is about to go; they are nowhere then."""
    words = store[WORDS]
    item = store[INTS][of_user + PRESENT]
    if item != 0:
        row = place_of(store, item)
        _change_audience(store, layout, row, words[of_user + PRESENT_SINCE], -1.0)
        store[INTS][of_user + PRESENT], words[of_user + PRESENT_SINCE] = 0, 0.0


@compiled
def audience_at(store, layout, row, at):
    """People in an item who came in lately enough, to a seventh of that time."""
    words = store[WORDS]
    oldest = np.floor((at - layout[REALS][PRESENT_MS]) / _bucket_ms(layout))
    total = 0.0
    for bucket in range(BUCKETS):
        place = row + AUDIENCE + 2 * bucket
        if words[place] - 1.0 > oldest:
            total += words[place + 1]
    return total


@compiled
def set_edge(store, of_user, target, relation, is_active, at):
    """Keep what was last said of an edge; of the same time, that it ended."""
    ints, bits = store[INTS], store[BITS]
    time = np.uint64(min(max(at, 0.0), 1.7e13))
    edge = (time << _EDGE_TIME) | (np.uint64(0) if is_active else _OVER) | np.uint64(relation)
    chunk, left = ints[of_user + EDGES], ints[of_user + EDGE_COUNT]
    oldest = 0
    while left > 0:
        inside = (left - 1) % CHUNK_EDGES + 1
        left -= inside
        for place in range(chunk + 1, chunk + 1 + 2 * inside, 2):
            if bits[place] == target and bits[place + 1] & _RELATION == np.uint64(relation):
                bits[place + 1] = max(bits[place + 1], edge)
                return
            if oldest == 0 or _edge_before(bits, place, oldest):
                oldest = place
        chunk = ints[chunk]
    if ints[of_user + EDGE_COUNT] >= MAX_EDGES:
        if (bits[oldest + 1], bits[oldest]) < (edge, target):
            bits[oldest], bits[oldest + 1] = target, edge
        return
    filled = ints[of_user + EDGE_COUNT] % CHUNK_EDGES
    if filled == 0:
        chunk = take(store, CHUNK, CHUNK_CLASS)
        ints[chunk] = ints[of_user + EDGES]
        ints[of_user + EDGES] = chunk
    place = ints[of_user + EDGES] + 1 + 2 * filled
    bits[place], bits[place + 1] = target, edge
    ints[of_user + EDGE_COUNT] += 1


@compiled
def targets_of(store, layout, of_user, relation):
    """The targets of a person's active edges of a relation, uint64[n] in no order."""
    ints, bits = store[INTS], store[BITS]
    left = min(max(ints[of_user + EDGE_COUNT], 0), MAX_EDGES)
    targets = np.empty(left, np.uint64)
    found = 0
    chunk = ints[of_user + EDGES]
    while left > 0 and 0 < chunk < layout[NUMBERS][CAPACITY] - CHUNK:
        inside = (left - 1) % CHUNK_EDGES + 1
        left -= inside
        for place in range(chunk + 1, chunk + 1 + 2 * inside, 2):
            edge = bits[place + 1]
            if edge & _RELATION == np.uint64(relation) and edge & _OVER == np.uint64(0):
                targets[found] = bits[place]
                found += 1
        chunk = ints[chunk]
    return targets[:found]


@compiled
def _edge_before(bits, place, other):
    return (bits[place + 1], bits[place]) < (bits[other + 1], bits[other])


@compiled
def _bucket_ms(layout):
    return layout[REALS][PRESENT_MS] / (BUCKETS - 1)


@compiled
def _change_audience(store, layout, row, since, by):
    """Count a person in or out, in the bucket of when they came in."""
    if row == MISSING:
        return
    words = store[WORDS]
    bucket = np.floor(since / _bucket_ms(layout)) + 1.0  # zero is an empty bucket
    place = row + AUDIENCE + 2 * (np.int64(bucket) % BUCKETS)
    if words[place] < bucket:
        words[place], words[place + 1] = bucket, 0.0
    if words[place] == bucket:
        words[place + 1] += by


@compiled
def _whereabouts(store, layout, of_user):
    """The item that a person is in and since when, by the history: (number, Unix ms), or zeros."""
    ints, bits, halves = store[INTS], store[BITS], store[HALVES]
    enter, leave = layout[NUMBERS][ENTER], layout[NUMBERS][LEAVE]
    item, since = np.int64(0), 0.0
    for wanted in (enter, leave):
        if wanted < 0 or (wanted == leave and item == 0):
            continue
        chunk, left = ints[of_user + HISTORY], history_size(store, layout, of_user)
        while left > 0:
            inside = (left - 1) % CHUNK_ENTRIES + 1
            left -= inside
            for place in range(inside):
                entry = bits[chunk + 1 + place]
                if type_of(entry) != wanted:
                    continue
                number = np.int64(halves[2 * (chunk + 1 + CHUNK_ENTRIES) + place])
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
    """Of two items entered at once: whether the first counts, by their keys."""
    bits = store[BITS]
    return bits[place_of(store, number) + KEY] > bits[place_of(store, other) + KEY]
