"""Kernels that find the rows a program reads, for one person and all candidates at once.

Invariant: every place they give is inside its arena, whatever a torn read found in state.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.compiler import NO_LIFE
from liverank.features.kernels.fold.decayed_counters import AGES, age_of, decay, epoch_of
from liverank.features.kernels.fold.entities import ONE, item_key
from liverank.features.kernels.fold.fold import list_size, part_of
from liverank.features.kernels.memory.index import MISSING, find, find_all, row_key
from liverank.features.kernels.memory.offsets import (
    BITS,
    EPOCH_MS,
    HOW_1,
    HOW_2,
    ITEM_SCOPE,
    LIST_PART,
    NEXT_SCOPE,
    NO_PART,
    NUMBERS,
    OFFSET_1,
    OFFSET_2,
    PART_ITEM,
    RATES,
    REALS,
    USER_SCOPE,
    WIDEST,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.read.pair_rows import find_pair
from liverank.features.layout.layout import KEY, MAX_ELEMENTS


@compiled
def columns_of(layout, used, n):
    """Where each used scope's places begin, int64[scopes + 1]."""
    begins = np.zeros(used.size + 1, np.int64)
    for scope in range(used.size):
        is_read = used[scope] and scope != layout[NUMBERS][NEXT_SCOPE]
        begins[scope + 1] = begins[scope] + (_column_size(layout, scope, n) if is_read else 0)
    return begins


@compiled
def decay_columns_of(layout, decayed, n):
    """Where the column of each (scope, half-life) begins, int64[d + 1]."""
    begins = np.zeros(len(decayed) + 1, np.int64)
    for line in range(len(decayed)):
        begins[line + 1] = begins[line] + _column_size(layout, decayed[line, 0], n)
    return begins


@compiled
def find_items(store, layout, items, keys, of_items):
    """Fill in the places of the candidates' rows; ``of_items`` points to int64[n].

    ``keys`` points to uint64[MAX_ELEMENTS * n], room to work in.
    """
    for place in range(items.size):
        keys[place] = item_key(layout, items[place])
    width = shape_of(layout, layout[NUMBERS][ITEM_SCOPE], WIDTH)
    find_all(store, keys, items.size, width, MISSING, of_items)


@compiled
def find_rows(store, layout, scope, user, items, of_user, of_items, keys, column):
    """One row of a table for each candidate; the row of NaN where a part of the key is unknown."""
    n = items.size
    if scope == layout[NUMBERS][ITEM_SCOPE]:
        for place in range(n):
            column[place] = of_items[place]
    elif scope == layout[NUMBERS][USER_SCOPE] or shape_of(layout, scope, HOW_1) == NO_PART:
        row = of_user
        if scope != layout[NUMBERS][USER_SCOPE]:
            row = find(store, row_key(scope, ONE, ONE))
        for place in range(n):
            column[place] = row
    else:
        for place in range(n):
            item, of_item = items[place], of_items[place]
            first = part_of(store, layout, scope, 0, user, item, of_user, of_item)
            second = part_of(store, layout, scope, 1, user, item, of_user, of_item)
            is_known = first != np.uint64(0) and second != np.uint64(0)
            keys[place] = row_key(scope, first, second) if is_known else np.uint64(0)
        width = shape_of(layout, scope, WIDTH)
        find_all(store, keys, n, width, layout[NUMBERS][WIDEST], column)


@compiled
def find_lists(store, layout, scope, of_items, n, starts, keys, column):
    """A row of a table for each element of each candidate's list.

    Candidate i has the elements ``starts[i]`` to ``starts[i + 1]`` of the column.
    """
    offset = shape_of(layout, scope, OFFSET_1)
    filled = 0
    for place in range(n):
        starts[place] = filled
        elements = of_items[place] + offset
        size = list_size(store[WORDS], elements) if of_items[place] != MISSING else 0
        for element in range(size):
            keys[filled] = row_key(scope, store[BITS][elements + 1 + element], ONE)
            filled += 1
    starts[n] = filled
    find_all(store, keys, filled, shape_of(layout, scope, WIDTH), MISSING, column)


@compiled
def find_pairs(store, layout, scope, of_items, n, keys, places, unknown, starts, column):
    """The person's rows for each candidate, or for each element of its list."""
    offset = shape_of(layout, scope, OFFSET_2)
    is_list = shape_of(layout, scope, LIST_PART) >= 0
    is_item = shape_of(layout, scope, HOW_2) == PART_ITEM
    of_all = MISSING
    if shape_of(layout, scope, HOW_2) == NO_PART:
        of_all = find_pair(keys, places, scope, ONE)
    bits = store[BITS]
    filled = 0
    for place in range(n):
        row = of_items[place]
        starts[place] = filled
        if shape_of(layout, scope, HOW_2) == NO_PART:
            column[place] = of_all
        elif is_item:
            column[place] = MISSING
            if row != MISSING:
                column[place] = find_pair(keys, places, scope, bits[row + KEY])
        elif not is_list:
            part = bits[row + offset] if row != MISSING else np.uint64(0)
            column[place] = unknown
            if part != np.uint64(0):
                column[place] = find_pair(keys, places, scope, part)
        else:
            size = list_size(store[WORDS], row + offset) if row != MISSING else 0
            for element in range(size):
                part = bits[row + offset + 1 + element]
                column[filled] = find_pair(keys, places, scope, part)
                filled += 1
    starts[n] = filled


@compiled
def fill_decays(
    store, layout, decayed, at, m, most, begins, starts, places, factors, decay_begins, decays
):
    """Fill in by what counters are multiplied: for each (scope, half-life) and each of its rows.

    ``decayed`` is int64[d, 2]. What has no half-life, NO_LIFE, does not decay.
    """
    epoch, epoch_ms = epoch_of(layout, at), layout[REALS][EPOCH_MS]
    words = store[WORDS]
    for line in range(len(decayed)):
        scope, life = decayed[line, 0], decayed[line, 1]
        column = moved(decays, decay_begins[line])
        n = m
        if shape_of(layout, scope, LIST_PART) >= 0:
            n = moved(starts, scope * (most + 1))[m]
        if life == NO_LIFE:
            for place in range(n):
                column[place] = 1.0
            continue
        rows, its_factors = moved(places, begins[scope]), moved(factors, life * (AGES + 1))
        rate = layout[RATES][life]
        for place in range(n):
            age = age_of(words, rows[place], at, epoch)
            column[place] = decay(words, rows[place], age, its_factors, at, rate, epoch_ms)


@compiled
def _column_size(layout, scope, n):
    """Rows of a scope that n candidates may have."""
    return MAX_ELEMENTS * n if shape_of(layout, scope, LIST_PART) >= 0 else n
