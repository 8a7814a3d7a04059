"""Kernels that find the rows a program reads, for one person and all candidates at once.

Invariant: every place they give is inside its arena, whatever a torn read found in state.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.counters import age_of, epoch_of
from liverank.features.kernels.entities import ONE, item_key
from liverank.features.kernels.fold import list_size, part_of
from liverank.features.kernels.places import (
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
    SCOPES,
    USER_SCOPE,
    WIDEST,
)
from liverank.features.kernels.portrait import find_pair
from liverank.features.kernels.rows import MISSING, find, row_key
from liverank.features.layout import KEY, MAX_ELEMENTS


@compiled
def columns_of(layout, used, n):
    """Where each used scope's places begin, int64[scopes + 1]."""
    begins = np.zeros(used.size + 1, np.int64)
    for scope in range(used.size):
        width = 0
        if used[scope] and scope != layout[NUMBERS][NEXT_SCOPE]:
            width = MAX_ELEMENTS * n if layout[SCOPES][scope, LIST_PART] >= 0 else n
        begins[scope + 1] = begins[scope] + width
    return begins


@compiled
def find_items(store, layout, items, of_items):
    """Fill in the places of the candidates' rows, int64[n]."""
    for place in range(items.size):
        of_items[place] = find(store, item_key(layout, items[place]))


@compiled
def resolve(store, layout, used, user, items, of_user, of_items, portrait, begins, columns):
    """Fill in the places of all used scopes' rows.

    ``columns`` is (starts int64[scopes, n + 1], places int64[...]): candidate i of a list scope has
    the elements ``starts[i]`` to ``starts[i + 1]`` of its column.
    """
    starts, places = columns
    words = store[5]
    for scope in range(used.size):
        if not used[scope] or scope == layout[NUMBERS][NEXT_SCOPE]:
            continue
        column = places[begins[scope] : begins[scope + 1]]
        if layout[SCOPES][scope, IS_PAIR] == 1:
            _find_pairs(words, layout, scope, of_items, portrait, starts[scope], column)
        elif layout[SCOPES][scope, LIST_PART] >= 0:
            _find_lists(store, layout, scope, of_items, starts[scope], column)
        else:
            _find_rows(store, layout, scope, user, items, of_user, of_items, column)


@compiled
def find_ages(words, layout, used, at, begins, starts, places, ages):
    """Fill in how old the rows of tables are; those of pairs stay 0."""
    epoch = epoch_of(layout, at)
    for scope in range(used.size):
        shape = layout[SCOPES][scope]
        if not used[scope] or shape[IS_PAIR] == 1 or begins[scope] == begins[scope + 1]:
            continue
        stop = begins[scope + 1]
        if shape[LIST_PART] >= 0:
            stop = begins[scope] + starts[scope, -1]
        for place in range(begins[scope], stop):
            ages[place] = age_of(words, places[place], at, epoch)


@compiled
def _find_rows(store, layout, scope, user, items, of_user, of_items, column):
    """One row for each candidate; the row of NaN where a part of the key is unknown."""
    words, shape = store[5], layout[SCOPES][scope]
    unknown = layout[NUMBERS][WIDEST]
    if scope == layout[NUMBERS][ITEM_SCOPE]:
        column[:] = of_items
    elif scope == layout[NUMBERS][USER_SCOPE]:
        column[:] = of_user
    elif shape[HOW_1] == NO_PART:
        column[:] = find(store, row_key(scope, ONE, ONE))
    else:
        for place in range(column.size):
            item = items[place]
            first = part_of(words, shape, 0, user, item, of_user, of_items[place])
            second = part_of(words, shape, 1, user, item, of_user, of_items[place])
            column[place] = unknown
            if first != np.uint64(0) and second != np.uint64(0):
                column[place] = find(store, row_key(scope, first, second))


@compiled
def _find_lists(store, layout, scope, of_items, starts, column):
    """A row for each element of a candidate's list."""
    words, offset = store[5], layout[SCOPES][scope, OFFSET_1]
    bits = words.view(np.uint64)
    filled = 0
    for place in range(of_items.size):
        starts[place] = filled
        elements = of_items[place] + offset
        size = list_size(words, elements) if of_items[place] != MISSING else 0
        for element in range(size):
            column[filled] = find(store, row_key(scope, bits[elements + 1 + element], ONE))
            filled += 1
    starts[of_items.size] = filled


@compiled
def _find_pairs(words, layout, scope, of_items, portrait, starts, column):
    """The person's rows for each candidate, or for each element of its list."""
    shape = layout[SCOPES][scope]
    bits = words.view(np.uint64)
    filled = 0
    for place in range(of_items.size):
        row = of_items[place]
        starts[place] = filled
        if shape[HOW_2] == PART_ITEM:
            column[place] = MISSING
            if row != MISSING:
                column[place] = find_pair(portrait, scope, bits[row + KEY])
        elif shape[LIST_PART] < 0:
            part = bits[row + shape[OFFSET_2]] if row != MISSING else np.uint64(0)
            column[place] = portrait[3]
            if part != np.uint64(0):
                column[place] = find_pair(portrait, scope, part)
        else:
            elements = row + shape[OFFSET_2]
            size = list_size(words, elements) if row != MISSING else 0
            for element in range(size):
                column[filled] = find_pair(portrait, scope, bits[elements + 1 + element])
                filled += 1
    starts[of_items.size] = filled
