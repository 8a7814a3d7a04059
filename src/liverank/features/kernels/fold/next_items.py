"""Kernels for what people go on to: counts of (earlier item, later item) of the same person.

Invariant: a pair is counted once for each success, with what the person's latest items were then; a
late success is paired with what they are by the time it arrives.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import count, weigh
from liverank.features.kernels.fold.history import comes_before, history_size, time_of, type_of
from liverank.features.kernels.memory.index import MISSING, find_or_add, place_of
from liverank.features.kernels.memory.offsets import (
    BITS,
    CAPACITY,
    CHUNK,
    CHUNK_ENTRIES,
    HALVES,
    INTS,
    LABEL,
    NEXT_SCOPE,
    NUMBERS,
)
from liverank.features.layout.layout import HISTORY, KEY, NEXT_WITHIN_MS, RECENT_ITEMS


@compiled
def go_on(store, layout, of_user, of_item, at, weights):
    """Count a success as following, or going before, the latest ones of the same person."""
    bits = store[BITS]
    scope, label = layout[NUMBERS][NEXT_SCOPE], layout[NUMBERS][LABEL]
    entries, numbers, found = latest_successes(store, layout, of_user)
    for place in range(found):
        other, when = place_of(store, numbers[place]), time_of(entries[place])
        if other in (MISSING, of_item) or abs(when - at) > NEXT_WITHIN_MS:
            continue
        earlier, later = (other, of_item) if when <= at else (of_item, other)
        row = find_or_add(store, layout, scope, bits[earlier + KEY], bits[later + KEY])
        if when <= at:
            count(store, layout, scope, row, label, at, weights, np.nan)
        else:
            weights_then = np.empty_like(weights)
            weigh(layout, when, weights_then)
            count(store, layout, scope, row, label, when, weights_then, np.nan)


@compiled
def latest_successes(store, layout, of_user):
    """A person's latest successes of distinct items, the latest first: (entries, numbers, n)."""
    ints, bits, halves = store[INTS], store[BITS], store[HALVES]
    entries = np.zeros(RECENT_ITEMS, np.uint64)
    numbers = np.zeros(RECENT_ITEMS, np.uint32)
    found = 0
    chunk, left = ints[of_user + HISTORY], history_size(store, layout, of_user)
    while left > 0 and 0 < chunk < layout[NUMBERS][CAPACITY] - CHUNK:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        for place in range(inside):
            entry = bits[chunk + 1 + place]
            if type_of(entry) == layout[NUMBERS][LABEL]:
                number = halves[2 * (chunk + 1 + CHUNK_ENTRIES) + place]
                found = _insert(store, entries, numbers, found, entry, number)
        chunk = ints[chunk]
    return entries, numbers, found


@compiled
def _insert(store, entries, numbers, found, entry, number):
    """Put an entry where it belongs, each item once; returns how many there are then."""
    slot = found
    for place in range(found):
        if numbers[place] == number:
            if not comes_before(store, entries[place], numbers[place], entry, number):
                return found
            slot = place
    if slot == found:
        if found < RECENT_ITEMS:
            found += 1
        elif comes_before(store, entry, number, entries[found - 1], numbers[found - 1]):
            return found
        else:
            slot = found - 1
    while slot > 0 and comes_before(store, entries[slot - 1], numbers[slot - 1], entry, number):
        entries[slot], numbers[slot] = entries[slot - 1], numbers[slot - 1]
        slot -= 1
    entries[slot], numbers[slot] = entry, number
    return found
