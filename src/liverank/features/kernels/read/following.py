"""Kernels for what a person follows, and which of those people are in an item now."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import user_key
from liverank.features.kernels.memory.index import MISSING, find_all, slot_of
from liverank.features.kernels.memory.offsets import INTS, PRESENT_MS, REALS, WORDS
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.layout.layout import PRESENT, PRESENT_SINCE, USER_WORDS


@compiled
def following_of(store, layout, targets, at):
    """What a person follows (``targets`` uint64[n]), and where those people are.

    Returns (followed uint64[size], a hash set; items uint64[size] and people float64[size], a hash
    map from numbers of items to how many are there).
    """
    size = 4
    while size < 2 * targets.size:
        size *= 2
    followed = np.zeros(size, np.uint64)
    items, people = np.zeros(size, np.uint64), np.zeros(size)
    keys, rows = np.empty(targets.size, np.uint64), np.empty(targets.size, np.int64)
    for place in range(targets.size):
        keys[place] = user_key(layout, targets[place])
    find_all(store, pointer_to(keys), targets.size, USER_WORDS, MISSING, pointer_to(rows))
    keep((keys,))
    for place in range(targets.size):
        target, row = targets[place], rows[place]
        followed[slot_of(followed, target)] = target
        item = store[INTS][row + PRESENT]
        since = store[WORDS][row + PRESENT_SINCE]
        if row != MISSING and item != 0 and since > at - layout[REALS][PRESENT_MS]:
            slot = slot_of(items, np.uint64(item))
            items[slot] = np.uint64(item)
            people[slot] += 1.0
    return followed, items, people


@compiled
def is_followed(followed, hash_):
    """Whether a person follows this."""
    return hash_ != np.uint64(0) and followed[slot_of(followed, hash_)] == hash_


@compiled
def people_in(items, people, item):
    """How many of those a person follows are in the item of this number."""
    return people[slot_of(items, np.uint64(item))]
