"""Kernels that find the rows that a program reads, for one person and a block of candidates.

Invariant: every row found is inside its arena, even in a torn read.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import AGES, age_of, decay
from liverank.features.kernels.fold.entities import ONE, item_key
from liverank.features.kernels.fold.fold import Ends, list_size, part_of
from liverank.features.kernels.memory.index import MISSING, find, find_all, row_key
from liverank.features.kernels.memory.offsets import (
    NUMBERS_ITEM_SCOPE,
    NUMBERS_USER_SCOPE,
    NUMBERS_WIDEST,
    PART_ITEM,
    PART_NONE,
    REALS_EPOCH_MS,
    SHAPE_HOW_1,
    SHAPE_HOW_2,
    SHAPE_IS_PAIR,
    SHAPE_LIST_PART,
    SHAPE_OFFSET_1,
    SHAPE_OFFSET_2,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.opcodes import NO_HALF_LIFE
from liverank.features.kernels.read.pair_rows import find_pair
from liverank.features.layout.constants import ROW_KEY


@compiled
def find_block(store, layout, program, visitor, pairs, items, block):
    """Fill in the rows that a program reads for these items (uint64[m]), and decay factors."""
    m = items.size
    _find_items(store, layout, items, block)
    for scope in range(program.scopes.size):
        if block.row_begins[scope] == block.row_begins[scope + 1]:
            continue
        if shape_of(layout, scope, SHAPE_IS_PAIR) == 1:
            _find_pairs(store, layout, scope, pairs, block, m)
        elif shape_of(layout, scope, SHAPE_LIST_PART) >= 0:
            _find_lists(store, layout, scope, block, m)
        else:
            _find_rows(store, layout, scope, visitor, items, block)
    _fill_decays(store, layout, program.decays, visitor, block, m)


@compiled
def _find_items(store, layout, items, block):
    """Find the candidates' own rows."""
    for row in range(items.size):
        block.keys[row] = item_key(layout, items[row])
    width = shape_of(layout, layout.numbers[NUMBERS_ITEM_SCOPE], SHAPE_WIDTH)
    find_all(store, block.keys, items.size, width, MISSING, block.items)


@compiled
def _find_rows(store, layout, scope, visitor, items, block):
    """Find one row of a table for each candidate; the all-NaN row where the key is unknown."""
    n, numbers, keys = items.size, layout.numbers, block.keys
    column = moved(block.rows, block.row_begins[scope])
    if scope == numbers[NUMBERS_ITEM_SCOPE]:
        for row in range(n):
            column[row] = block.items[row]
    elif scope == numbers[NUMBERS_USER_SCOPE] or shape_of(layout, scope, SHAPE_HOW_1) == PART_NONE:
        of_all = visitor.row
        if scope != numbers[NUMBERS_USER_SCOPE]:
            of_all = find(store, row_key(scope, ONE, ONE))
        for row in range(n):
            column[row] = of_all
    else:
        for row in range(n):
            ends = Ends(visitor.user, items[row], visitor.row, block.items[row])
            first = part_of(store, layout, scope, 0, ends)
            second = part_of(store, layout, scope, 1, ends)
            is_known = first != np.uint64(0) and second != np.uint64(0)
            keys[row] = row_key(scope, first, second) if is_known else np.uint64(0)
        width = shape_of(layout, scope, SHAPE_WIDTH)
        find_all(store, keys, n, width, numbers[NUMBERS_WIDEST], column)


@compiled
def _find_lists(store, layout, scope, block, m):
    """Find a row of a table for each element of each candidate's list."""
    offset = shape_of(layout, scope, SHAPE_OFFSET_1)
    starts = moved(block.list_starts, scope * (block.capacity + 1))
    column, keys = moved(block.rows, block.row_begins[scope]), block.keys
    filled = 0
    for row in range(m):
        starts[row] = filled
        elements = block.items[row] + offset
        size = list_size(store.words, elements) if block.items[row] != MISSING else 0
        for element in range(size):
            keys[filled] = row_key(scope, store.bits[elements + 1 + element], ONE)
            filled += 1
    starts[m] = filled
    find_all(store, keys, filled, shape_of(layout, scope, SHAPE_WIDTH), MISSING, column)


@compiled
def _find_pairs(store, layout, scope, pairs, block, m):
    """Find the person's row of pairs for each candidate, or for each element of its list."""
    keys, offsets, unknown = pairs.keys, pairs.offsets, pairs.width
    starts = moved(block.list_starts, scope * (block.capacity + 1))
    column = moved(block.rows, block.row_begins[scope])
    offset, how = shape_of(layout, scope, SHAPE_OFFSET_2), shape_of(layout, scope, SHAPE_HOW_2)
    is_list = shape_of(layout, scope, SHAPE_LIST_PART) >= 0
    of_all = find_pair(keys, offsets, scope, ONE) if how == PART_NONE else MISSING
    bits = store.bits
    filled = 0
    for row in range(m):
        item = block.items[row]
        starts[row] = filled
        if how == PART_NONE:
            column[row] = of_all
        elif how == PART_ITEM:
            column[row] = MISSING
            if item != MISSING:
                column[row] = find_pair(keys, offsets, scope, bits[item + ROW_KEY])
        elif not is_list:
            part = bits[item + offset] if item != MISSING else np.uint64(0)
            column[row] = unknown
            if part != np.uint64(0):
                column[row] = find_pair(keys, offsets, scope, part)
        else:
            size = list_size(store.words, item + offset) if item != MISSING else 0
            for element in range(size):
                part = bits[item + offset + 1 + element]
                column[filled] = find_pair(keys, offsets, scope, part)
                filled += 1
    starts[m] = filled


@compiled
def _fill_decays(store, layout, decayed, visitor, block, m):
    """Fill in the decay factors of counters: for each (scope, half-life), for each of its rows.

    ``decayed`` is int64[d, 2]. A word without a half-life, NO_HALF_LIFE, does not decay.
    """
    at, epoch, epoch_ms = visitor.at, visitor.epoch, layout.reals[REALS_EPOCH_MS]
    words = store.words
    for line in range(len(decayed)):
        scope, life = decayed[line, 0], decayed[line, 1]
        column = moved(block.decays, block.decay_begins[line])
        n = m
        if shape_of(layout, scope, SHAPE_LIST_PART) >= 0:
            n = moved(block.list_starts, scope * (block.capacity + 1))[m]
        if life == NO_HALF_LIFE:
            for row in range(n):
                column[row] = 1.0
            continue
        rows = moved(block.rows, block.row_begins[scope])
        factors, rate = moved(visitor.factors, life * (AGES + 1)), layout.rates[life]
        for row in range(n):
            age = age_of(words, rows[row], at, epoch)
            column[row] = decay(words, rows[row], age, factors, at, rate, epoch_ms)
