"""Kernels that make a person's rows of pairs from what they did lately, for one read.

A pair's row (user, item.host) counts what this person did with items of that host: for each type
the time of the last one and decayed counts as of the read, and the impressions since the last
success. The rows live in an arena of their own that is built like state's: a row of zeros, a row of
NaN, and an index by key. Entries are taken in order of time, so the same history gives the same
bits.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.fold.history import time_of, type_of, value_of
from liverank.features.kernels.memory.index import (
    LINE,
    MISSING,
    directory_slot,
    mix,
    place_of,
    slot_of,
)
from liverank.features.kernels.memory.offsets import (
    BASE,
    BITS,
    DIRECTORY,
    HALF_LIVES,
    HOW_2,
    IMPRESSION,
    IS_PAIR,
    ITEM_SCOPE,
    LIST_PART,
    LIVES,
    NO_PART,
    NUMBERS,
    OFFSET_2,
    PART_ITEM,
    POSITIVE,
    RATES,
    TYPES,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.pointers import prefetch
from liverank.features.kernels.memory.shapes import block_of, shape_of, span_of
from liverank.features.layout.layout import FATIGUE, ITEM_WORDS, KEY

_FATIGUE_RATE = 1.0 / 86_400_000.0


@compiled
def pairs_of(layout, used):
    """The pair scopes among the used ones, int64[p], and the words of their widest row."""
    scopes = np.empty(used.size, np.int64)
    count, width = 0, np.int64(1)
    for scope in range(used.size):
        if used[scope] and shape_of(layout, scope, IS_PAIR) == 1:
            scopes[count] = scope
            count += 1
            width = max(width, shape_of(layout, scope, WIDTH))
    return scopes[:count], width


@compiled
def rows_needed(store, layout, scopes, numbers, rows):
    """Find the items of a history, ``rows`` int64[n]; returns how many pairs' rows it can fill."""
    for place in range(numbers.size):
        prefetch(store[DIRECTORY], directory_slot(numbers[place]))
    width = shape_of(layout, layout[NUMBERS][ITEM_SCOPE], BASE)
    for place in range(numbers.size):
        rows[place] = place_of(store, numbers[place])
        prefetch(store[WORDS], rows[place] + KEY)
        for word in range(ITEM_WORDS, width, LINE):
            prefetch(store[WORDS], rows[place] + word)
    total = 0
    for place in range(numbers.size):
        for scope in scopes:
            if shape_of(layout, scope, LIST_PART) >= 0:
                total += list_size(store[WORDS], rows[place] + shape_of(layout, scope, OFFSET_2))
            else:
                total += 1
    return total


@compiled
def fill_portrait(store, layout, scopes, entries, rows, at, keys, places, words, filled, left):
    """Count a history's entries in the rows of pairs.

    ``keys`` uint64[2**k] and ``places`` int64[2**k] are their index, ``words`` a pointer to their
    arena, of which ``filled`` words are taken and ``left`` rows are not. It ends where a row too
    many is wanted: a list grew while it was read, and the read will be made again.
    """
    lives = layout[NUMBERS][HALF_LIVES]
    weights = np.empty(lives)
    for place in range(entries.size):
        row = rows[place]
        if row == MISSING or type_of(entries[place]) >= layout[NUMBERS][TYPES]:  # a torn read
            continue
        type_, time = type_of(entries[place]), time_of(entries[place])
        value = value_of(entries[place])
        since = max(at - time, 0.0)
        for life in range(lives):
            weights[life] = np.exp2(-since * layout[RATES][life])
        fatigue = 0.0
        if type_ == layout[NUMBERS][IMPRESSION]:
            fatigue = np.exp2(-since * _FATIGUE_RATE)
        for scope in scopes:
            tires = block_of(layout, scope, layout[NUMBERS][IMPRESSION]) >= 0
            if not tires and block_of(layout, scope, type_) < 0:
                continue
            offset = KEY
            if shape_of(layout, scope, HOW_2) != PART_ITEM:
                offset = shape_of(layout, scope, OFFSET_2)
            first, elements = row + offset, 1
            if shape_of(layout, scope, LIST_PART) >= 0:
                elements = list_size(store[WORDS], first)
                first += 1
            is_of_all = shape_of(layout, scope, HOW_2) == NO_PART
            for element in range(elements):
                part = ONE if is_of_all else store[BITS][first + element]
                if part == np.uint64(0):
                    continue
                key = pair_key(scope, part)
                slot = slot_of(keys, key)
                if keys[slot] == np.uint64(0):
                    if left == 0:
                        return
                    left -= 1
                    keys[slot], places[slot] = key, filled
                    filled += shape_of(layout, scope, WIDTH)
                _count(layout, scope, words, places[slot], type_, time, value, weights)
                if layout[POSITIVE][type_] == 1:
                    words[places[slot] + FATIGUE] = 0.0
                else:
                    words[places[slot] + FATIGUE] += fatigue


@compiled
def find_pair(keys, places, scope, part):
    """The place of the row of a pair scope and an entity; MISSING if there is none."""
    slot = slot_of(keys, pair_key(scope, part))
    return places[slot] if keys[slot] != np.uint64(0) else MISSING


@compiled
def pair_key(scope, part):
    """The key of a pair's row; never 0."""
    key = mix(part + np.uint64(scope + 1) * np.uint64(0x9E3779B97F4A7C15))
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def _count(layout, scope, words, row, type_, time, value, weights):
    """Count an entry in one row."""
    block = block_of(layout, scope, type_)
    if block < 0:
        return
    first, counts, totals = span_of(layout, scope, type_)
    block += row
    words[block] = max(time, 1.0)
    for place in range(counts + totals if not np.isnan(value) else counts):
        weight = weights[layout[LIVES][first + place]]
        words[block + 1 + place] += weight if place < counts else weight * value
