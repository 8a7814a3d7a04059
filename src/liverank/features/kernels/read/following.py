"""Kernels for whom or what a person follows, and for followed people in an item now."""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import user_key
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.memory.index import MISSING, find_all, slot_of
from liverank.features.kernels.memory.offsets import REALS_PRESENT_MS
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.kernels.opcodes import HERE
from liverank.features.layout.constants import (
    ITEM_NUMBER,
    USER_PRESENT,
    USER_PRESENT_SINCE,
    USER_WORDS,
)


class Following(NamedTuple):
    """The targets that a person follows, and the items that followed people are in.

    ``targets`` uint64[2**k] is a hash set of hashes; ``items`` uint64[2**k] and ``people``
    float64[2**k] are a hash map from an item's number to the number of followed people in it.
    """

    targets: Any
    items: Any
    people: Any


@compiled
def following_of(store, layout, targets, at):
    """The ``Following`` of a person who follows ``targets``, uint64[n], at ``at`` (Unix ms)."""
    size = 4
    while size < 2 * targets.size:
        size *= 2
    followed = np.zeros(size, np.uint64)
    items, people = np.zeros(size, np.uint64), np.zeros(size)
    keys, rows = np.empty(targets.size, np.uint64), np.empty(targets.size, np.int64)
    for index in range(targets.size):
        keys[index] = user_key(layout, targets[index])
    find_all(store, pointer_to(keys), targets.size, USER_WORDS, MISSING, pointer_to(rows))
    keep((keys,))
    for index in range(targets.size):
        target, row = targets[index], rows[index]
        followed[slot_of(followed, target)] = target
        item = store.ints[row + USER_PRESENT]
        since = store.words[row + USER_PRESENT_SINCE]
        if row != MISSING and item != 0 and since > at - layout.reals[REALS_PRESENT_MS]:
            slot = slot_of(items, np.uint64(item))
            items[slot] = np.uint64(item)
            people[slot] += 1.0
    return Following(followed, items, people)


@compiled
def fill_followed(store, instruction, following, block, m):
    """Run FOLLOWED or HERE for the candidates of a block."""
    code, out = instruction.code, instruction.out
    targets, items, people = following.targets, following.items, following.people
    for row in range(m):
        item = block.items[row]
        out[row] = np.nan
        if item == MISSING:
            continue
        if code[0] == HERE:
            out[row] = people[slot_of(items, np.uint64(store.ints[item + ITEM_NUMBER]))]
        else:
            out[row] = _followed_values(store, targets, item + code[1], code[2])


@compiled
def _followed_values(store, targets, word, is_list):
    """How many of the values of a field a person follows; NaN where the field is unknown.

    ``word`` is the field's first word in the arena.
    """
    bits = store.bits
    if not is_list:
        if bits[word] == np.uint64(0):
            return np.nan
        return 1.0 if _is_followed(targets, bits[word]) else 0.0
    if np.isnan(store.words[word]):
        return np.nan
    total = 0.0
    for element in range(list_size(store.words, word)):
        if _is_followed(targets, bits[word + 1 + element]):
            total += 1.0
    return total


@compiled
def _is_followed(targets, hash_):
    return hash_ != np.uint64(0) and targets[slot_of(targets, hash_)] == hash_
