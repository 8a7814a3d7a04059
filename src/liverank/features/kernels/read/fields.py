"""Kernels for what fields, lives, audiences and those a person follows say of a candidate."""

import numpy as np

from liverank.compiled import compiled
from liverank.features import compiler as op
from liverank.features.kernels.fold.entities import is_over
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.fold.presence import audience_at
from liverank.features.kernels.memory.index import MISSING
from liverank.features.kernels.memory.offsets import BITS, INTS, LIFE_SCOPE, NUMBERS, WIDEST, WORDS
from liverank.features.kernels.memory.pointers import as_uint64
from liverank.features.kernels.read.following import is_followed, people_in
from liverank.features.layout.layout import (
    ENDED,
    FIRST_SEEN,
    ITEM,
    LIFE_MS,
    LIVES,
    NUMBER,
    REQUEST,
    SCHEDULED,
    STARTED,
)

FIELD, LEVEL, SAME, AGE = op.FIELD, op.LEVEL, op.SAME, op.AGE
FOLLOWED, HERE, AUDIENCE_NOW = op.FOLLOWED, op.HERE, op.AUDIENCE_NOW
LIFE_LEFT, LIFE_STATE = op.LIFE_LEFT, op.LIFE_STATE
_PRIOR_LIVES = 2.0
"""Lives that the length of all lives weighs as much as."""
_ALL_SCOPE = 0
_ANNOUNCED, _LIVE, _OVER = 0.0, 1.0, 2.0


@compiled
def fill_fields(store, levels, code, at, request, of_user, of_items, n, out):
    """Run an instruction that reads fields of the item, the user or the request.

    ``request`` points to the request's words.
    """
    what = code[0]
    for row in range(n):
        if row > 0 and what != SAME and code[1] != ITEM:  # of the user or the request: as before
            out[row] = out[0]
            continue
        out[row] = np.nan
        source, base = _entity(store, request, code[1], of_user, of_items[row])
        if base < 0:
            continue
        if what == LEVEL:
            says = as_uint64(source)[base + code[2]]
            if says != np.uint64(0):
                for level in range(code[3], code[4]):
                    if levels[level] == says:
                        out[row] = level - code[3]
        elif what == FIELD:
            value = source[base + code[2]]
            out[row] = (at - value) / 1000.0 if code[3] else value
        else:
            other, other_base = _entity(store, request, code[4], of_user, of_items[row])
            if other_base >= 0:
                out[row] = _shared(
                    source, base + code[2], code[3], other, other_base + code[5], code[6]
                )


@compiled
def fill_lives(store, layout, code, at, of_items, everything, hosts, n, out):
    """Run an instruction about where an item is in its life, or about its audience.

    ``everything`` is the place of the row of all, ``hosts`` points to those of the hosts.
    """
    words, what = store[WORDS], code[0]
    for row in range(n):
        item = of_items[row]
        out[row] = np.nan
        if item == MISSING:
            continue
        if what == AGE:
            since = words[item + STARTED]
            if code[1] == FIRST_SEEN or np.isnan(since):
                since = words[item + FIRST_SEEN]
            out[row] = max(at - since, 0.0) / 1000.0
        elif what == AUDIENCE_NOW:
            out[row] = audience_at(store, layout, item, at)
        elif what == LIFE_STATE:
            out[row] = _state(words, item)
        elif what == LIFE_LEFT:
            typical_s = words[everything + LIFE_MS] / words[everything + LIVES] / 1000.0
            if layout[NUMBERS][LIFE_SCOPE] >= 0 and hosts[row] != layout[NUMBERS][WIDEST]:
                of_host_s = words[hosts[row] + LIFE_MS] / 1000.0
                typical_s = (of_host_s + _PRIOR_LIVES * typical_s) / (
                    words[hosts[row] + LIVES] + _PRIOR_LIVES
                )
            out[row] = typical_s - (at - words[item + STARTED]) / 1000.0


@compiled
def fill_followed(store, code, followed, here, people, of_items, n, out):
    """Run an instruction about what and whom the person follows."""
    for row in range(n):
        item = of_items[row]
        out[row] = np.nan
        if item == MISSING:
            continue
        if code[0] == HERE:
            out[row] = people_in(here, people, store[INTS][item + NUMBER])
        else:
            out[row] = _followed(store, followed, item + code[1], code[2])


@compiled
def _entity(store, request, entity, of_user, of_item):
    """Where an entity's words are: a pointer, and the first word, or -1 for an unknown entity."""
    if entity == REQUEST:
        return request, np.int64(0)
    row = of_item if entity == ITEM else of_user
    return store[WORDS], row if row != MISSING else np.int64(-1)


@compiled
def _followed(store, followed, place, is_list):
    """How many of a field's values a person follows; NaN where the field is unknown."""
    bits = store[BITS]
    if not is_list:
        if bits[place] == np.uint64(0):
            return np.nan
        return 1.0 if is_followed(followed, bits[place]) else 0.0
    if np.isnan(store[WORDS][place]):
        return np.nan
    total = 0.0
    for element in range(list_size(store[WORDS], place)):
        if is_followed(followed, bits[place + 1 + element]):
            total += 1.0
    return total


@compiled
def _state(words, item):
    """Announced, live or over; over and announced again is announced. NaN where none was told."""
    started, ended, announced = words[item + STARTED], words[item + ENDED], words[item + SCHEDULED]
    if is_over(words, item):
        return _OVER
    if not np.isnan(started) and not ended >= started:
        return _LIVE
    return np.nan if np.isnan(announced) else _ANNOUNCED


@compiled
def _shared(left, left_word, left_list, right, right_word, right_list):
    """How many values two fields have in common; NaN where one is unknown."""
    left_count, right_count = np.int64(1), np.int64(1)
    if left_list:
        left_count = list_size(left, left_word)
        left_word += 1
    if right_list:
        right_count = list_size(right, right_word)
        right_word += 1
    left_bits, right_bits = as_uint64(left), as_uint64(right)
    shared, known_left, known_right = 0, False, False
    for i in range(left_count):
        for j in range(right_count):
            one, other = left_bits[left_word + i], right_bits[right_word + j]
            known_left |= one != np.uint64(0)
            known_right |= other != np.uint64(0)
            if one == other and one != np.uint64(0):
                shared += 1
    return float(shared) if known_left and known_right else np.nan
