"""Kernels that build a person's rows of pairs from their history, for one read.

A pair's row, e.g. of (user, item.host), counts what this person did with items of that host: for
each type the time of the last interaction and decayed counts as of the read, and the impressions
since the last success. The rows have their own arena, built like that of state: an all-zero row, an
all-NaN row, and an index by key. Entries are processed in order of time, so the same history gives
the same bits.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import Interaction
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.fold.history import time_of, type_of, value_of
from liverank.features.kernels.memory.index import (
    LINE,
    MISSING,
    directory_slot,
    mix,
    offset_of,
    slot_of,
)
from liverank.features.kernels.memory.offsets import (
    NUMBERS_HALF_LIVES,
    NUMBERS_IMPRESSION,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_TYPES,
    PART_ITEM,
    PART_NONE,
    SHAPE_BASE,
    SHAPE_HOW_2,
    SHAPE_IS_PAIR,
    SHAPE_LIST_PART,
    SHAPE_OFFSET_2,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to, prefetch
from liverank.features.kernels.memory.shapes import block_of, shape_of, span_of
from liverank.features.layout.constants import ITEM_WORDS, PAIR_FATIGUE, ROW_KEY

_FATIGUE_RATE = 1.0 / 86_400_000.0


class PairRows(NamedTuple):
    """A person's rows of pairs.

    ``keys`` uint64[2**k] is a hash set of the rows' keys and ``offsets`` int64[2**k] holds their
    first words; ``words`` float64[...] is their arena; ``width`` is the words of the widest row,
    which is also the first word of the all-NaN row.
    """

    keys: Any
    offsets: Any
    words: Any
    width: Any


@compiled
def pair_rows_of(store, layout, used, history, at):
    """The rows of all pairs in the used scopes (bool[scopes]).

    ``history`` is (packed entries uint64[n] in order of time, item numbers uint32[n]).
    """
    entries, numbers = history
    scopes, width = _pair_scopes(layout, used)
    item_rows = np.empty(entries.size, np.int64)
    total = _most_rows(store, layout, scopes, numbers, item_rows)
    size = 4
    while size < 3 * total:
        size *= 2
    pairs = PairRows(
        np.zeros(size, np.uint64), np.zeros(size, np.int64), np.zeros(width * (total + 2)), width
    )
    pairs.words[width : 2 * width] = np.nan
    _fill(store, layout, scopes, (entries, item_rows), at, pairs, total)
    return pairs


@compiled
def find_pair(keys, offsets, scope, part):
    """The first word of the row of a pair scope and an entity; MISSING if there is none."""
    slot = slot_of(keys, pair_key(scope, part))
    return offsets[slot] if keys[slot] != np.uint64(0) else MISSING


@compiled
def pair_key(scope, part):
    """The key of a pair's row; never 0."""
    key = mix(part + np.uint64(scope + 1) * np.uint64(0x9E3779B97F4A7C15))
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def _pair_scopes(layout, used):
    """The pair scopes among the used ones, int64[p], and the words of their widest row."""
    scopes = np.empty(used.size, np.int64)
    count, width = 0, np.int64(1)
    for scope in range(used.size):
        if used[scope] and shape_of(layout, scope, SHAPE_IS_PAIR) == 1:
            scopes[count] = scope
            count += 1
            width = max(width, shape_of(layout, scope, SHAPE_WIDTH))
    return scopes[:count], width


@compiled
def _most_rows(store, layout, scopes, numbers, rows):
    """Find the rows of a history's items, ``rows`` int64[n]; returns the maximum number of pairs.

    ``numbers`` is uint32[n]. All memory is prefetched before the first row is read.
    """
    for entry in range(numbers.size):
        prefetch(store.directory, directory_slot(numbers[entry]))
    width = shape_of(layout, layout.numbers[NUMBERS_ITEM_SCOPE], SHAPE_BASE)
    for entry in range(numbers.size):
        rows[entry] = offset_of(store, numbers[entry])
        prefetch(store.words, rows[entry] + ROW_KEY)
        for word in range(ITEM_WORDS, width, LINE):
            prefetch(store.words, rows[entry] + word)
    total = 0
    for entry in range(numbers.size):
        for scope in scopes:
            if shape_of(layout, scope, SHAPE_LIST_PART) >= 0:
                elements = rows[entry] + shape_of(layout, scope, SHAPE_OFFSET_2)
                total += list_size(store.words, elements)
            else:
                total += 1
    return total


@compiled
def _fill(store, layout, scopes, history, at, pairs, left):
    """Count a history's entries in the rows of pairs, of which ``left`` can be created.

    It stops where more are needed: then a list grew during the read, which will be repeated.
    """
    entries, rows = history
    keys, offsets, words = pairs.keys, pairs.offsets, pointer_to(pairs.words)
    filled = 2 * pairs.width
    weights = np.empty(layout.numbers[NUMBERS_HALF_LIVES])
    for entry in range(entries.size):
        row, type_ = rows[entry], type_of(entries[entry])
        if row == MISSING or type_ >= layout.numbers[NUMBERS_TYPES]:  # a torn read
            continue
        interaction = Interaction(type_, time_of(entries[entry]), value_of(entries[entry]))
        fatigue = _weigh(layout, interaction, at, weights)
        for scope in scopes:
            has_impressions = block_of(layout, scope, layout.numbers[NUMBERS_IMPRESSION]) >= 0
            if not has_impressions and block_of(layout, scope, type_) < 0:
                continue
            first, elements = _elements_of(store, layout, scope, row)
            is_of_all = shape_of(layout, scope, SHAPE_HOW_2) == PART_NONE
            for element in range(elements):
                part = ONE if is_of_all else store.bits[first + element]
                if part == np.uint64(0):
                    continue
                key = pair_key(scope, part)
                slot = slot_of(keys, key)
                if keys[slot] == np.uint64(0):
                    if left == 0:
                        return
                    left -= 1
                    keys[slot], offsets[slot] = key, filled
                    filled += shape_of(layout, scope, SHAPE_WIDTH)
                _count(layout, scope, words, offsets[slot], interaction, weights)
                if layout.positive[type_] == 1:
                    words[offsets[slot] + PAIR_FATIGUE] = 0.0
                else:
                    words[offsets[slot] + PAIR_FATIGUE] += fatigue
    keep((pairs.words,))


@compiled
def _weigh(layout, interaction, at, weights):
    """Fill in the weights that an interaction has at ``at``, float64[half-lives].

    Returns what it adds to fatigue.
    """
    since = max(at - interaction.at, 0.0)
    for life in range(weights.size):
        weights[life] = np.exp2(-since * layout.rates[life])
    if interaction.type == layout.numbers[NUMBERS_IMPRESSION]:
        return np.exp2(-since * _FATIGUE_RATE)
    return 0.0


@compiled
def _elements_of(store, layout, scope, row):
    """The words of an item's row that hold the second parts of a scope's keys: (first, number)."""
    offset = ROW_KEY
    if shape_of(layout, scope, SHAPE_HOW_2) != PART_ITEM:
        offset = shape_of(layout, scope, SHAPE_OFFSET_2)
    first = row + offset
    if shape_of(layout, scope, SHAPE_LIST_PART) >= 0:
        return first + 1, list_size(store.words, first)
    return first, np.int64(1)


@compiled
def _count(layout, scope, words, row, interaction, weights):
    """Count an interaction in one row."""
    block = block_of(layout, scope, interaction.type)
    if block < 0:
        return
    first, counts, totals = span_of(layout, scope, interaction.type)
    block += row
    words[block] = max(interaction.at, 1.0)
    for index in range(counts + totals if not np.isnan(interaction.value) else counts):
        weight = weights[layout.half_lives[first + index]]
        words[block + 1 + index] += weight if index < counts else weight * interaction.value
