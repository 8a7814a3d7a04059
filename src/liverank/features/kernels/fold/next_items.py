"""Kernels for next items: counts of (earlier item, later item) of the same person.

Invariant: each success is counted once with each of the items that are the person's latest at that
point of the log; a late success is paired with the latest items at its arrival.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import Interaction, count, weigh
from liverank.features.kernels.fold.history import comes_before, history_size, time_of, type_of
from liverank.features.kernels.memory.index import MISSING, find_or_add, offset_of
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_ENTRIES,
    NUMBERS_CAPACITY,
    NUMBERS_LABEL,
    NUMBERS_NEXT_SCOPE,
)
from liverank.features.layout.constants import NEXT_WITHIN_MS, RECENT_ITEMS, ROW_KEY, USER_HISTORY


@compiled
def count_next(store, layout, of_user, of_item, at, weights):
    """Count a success as following, or preceding, the latest successes of the same person."""
    bits = store.bits
    scope, label = layout.numbers[NUMBERS_NEXT_SCOPE], layout.numbers[NUMBERS_LABEL]
    entries, numbers, successes = latest_successes(store, layout, of_user)
    for success in range(successes):
        other, when = offset_of(store, numbers[success]), time_of(entries[success])
        if other in (MISSING, of_item) or abs(when - at) > NEXT_WITHIN_MS:
            continue
        earlier, later = (other, of_item) if when <= at else (of_item, other)
        row = find_or_add(store, layout, scope, bits[earlier + ROW_KEY], bits[later + ROW_KEY])
        if when <= at:
            count(store, layout, scope, row, Interaction(label, at, np.nan), weights)
        else:
            weights_then = np.empty_like(weights)
            weigh(layout, when, weights_then)
            count(store, layout, scope, row, Interaction(label, when, np.nan), weights_then)


@compiled
def latest_successes(store, layout, of_user):
    """A person's latest successes of distinct items, the latest first: (entries, numbers, n)."""
    ints, bits, halves = store.ints, store.bits, store.halves
    entries = np.zeros(RECENT_ITEMS, np.uint64)
    numbers = np.zeros(RECENT_ITEMS, np.uint32)
    found = 0
    chunk, left = ints[of_user + USER_HISTORY], history_size(store, layout, of_user)
    while left > 0 and 0 < chunk < layout.numbers[NUMBERS_CAPACITY] - CHUNK:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        for i in range(inside):
            entry = bits[chunk + 1 + i]
            if type_of(entry) == layout.numbers[NUMBERS_LABEL]:
                number = halves[2 * (chunk + 1 + CHUNK_ENTRIES) + i]
                found = _insert(store, entries, numbers, found, entry, number)
        chunk = ints[chunk]
    return entries, numbers, found


@compiled
def _insert(store, entries, numbers, found, entry, number):
    """Insert an entry in order, each item once; returns the new number of entries."""
    slot = found
    for i in range(found):
        if numbers[i] == number:
            if not comes_before(store, entries[i], numbers[i], entry, number):
                return found
            slot = i
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
