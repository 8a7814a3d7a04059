"""Kernels that find the rows a program reads, for one person and all candidates at once.

Invariant: every place they give is inside its arena, whatever a torn read found in state.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.counters import age_of, epoch_of
from liverank.features.kernels.entities import ONE, item_key
from liverank.features.kernels.fold import list_size, part_of
from liverank.features.kernels.places import (
    BITS,
    HOW_1,
    HOW_2,
    IS_PAIR,
    ITEM_SCOPE,
    LIST_PART,
    NEXT_SCOPE,
    NO_PART,
    NUMBERS,
    OFFSET_1,
    OFFSET_2,
    PART_ITEM,
    USER_SCOPE,
    WIDEST,
    WORDS,
)
from liverank.features.kernels.pointers import moved
from liverank.features.kernels.portrait import find_pair
from liverank.features.kernels.rows import MISSING, find, row_key
from liverank.features.kernels.shapes import shape_of
from liverank.features.layout import KEY, MAX_ELEMENTS


@compiled
def columns_of(layout, used, n):
    """Where each used scope's places begin, int64[scopes + 1]."""
    begins = np.zeros(used.size + 1, np.int64)
    for scope in range(used.size):
        width = 0
        if used[scope] and scope != layout[NUMBERS][NEXT_SCOPE]:
            width = MAX_ELEMENTS * n if shape_of(layout, scope, LIST_PART) >= 0 else n
        begins[scope + 1] = begins[scope] + width
    return begins


@compiled
def find_items(store, layout, items, of_items):
    """Fill in the places of the candidates' rows; ``of_items`` points to int64[n]."""
    for place in range(items.size):
        of_items[place] = find(store, item_key(layout, items[place]))


@compiled
def find_rows(store, layout, scope, user, items, of_user, of_items, column):
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
            column[place] = layout[NUMBERS][WIDEST]
            if first != np.uint64(0) and second != np.uint64(0):
                column[place] = find(store, row_key(scope, first, second))


@compiled
def find_lists(store, layout, scope, of_items, n, starts, column):
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
            part = store[BITS][elements + 1 + element]
            column[filled] = find(store, row_key(scope, part, ONE))
            filled += 1
    starts[n] = filled


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
def find_ages(store, layout, used, at, m, most, begins, starts, places, ages):
    """Fill in how old the rows of tables are; those of pairs stay 0."""
    epoch = epoch_of(layout, at)
    for scope in range(used.size):
        if begins[scope] == begins[scope + 1] or shape_of(layout, scope, IS_PAIR) == 1:
            continue
        stop = begins[scope] + m
        if shape_of(layout, scope, LIST_PART) >= 0:
            stop = begins[scope] + moved(starts, scope * (most + 1))[m]
        for place in range(begins[scope], stop):
            ages[place] = age_of(store[WORDS], places[place], at, epoch)
