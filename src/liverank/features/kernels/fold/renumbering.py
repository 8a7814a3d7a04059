"""The kernel that numbers items anew, once all numbers were given out.

An item has a number for as long as its row lives, and histories name items by it for longer. The
numbers that nothing names any more are free again: the others move down, in their order. Invariant:
two entries name the same item after it if and only if they did before.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.bitset import below, count_up, groups_of, include
from liverank.features.kernels.memory.heartbeat import go_on_waiting
from liverank.features.kernels.memory.index import place_in
from liverank.features.kernels.memory.offsets import (
    CHUNK_ENTRIES,
    DIRECTORY,
    HALVES,
    HEADER,
    INDEX,
    INTS,
    ITEM_SCOPE,
    ITEMS,
    LEVEL,
    NUMBERS,
    TABLES,
    USER_SCOPE,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.layout.layout import DONE_COUNT, HISTORY, NUMBER, PRESENT, SEEN_COUNT


@compiled
def renumber(store, layout):
    """Give numbers from 1 to the items that rows or histories name; there is no item 0."""
    header = store[HEADER]
    groups = groups_of(header[ITEMS])
    bits, counts = np.zeros(groups, np.uint64), np.empty(groups, np.uint32)
    known = (pointer_to(bits), pointer_to(counts))
    include(known, 0, 1)
    _visit(store, layout, known, False)
    total = count_up(known, groups)
    _visit(store, layout, known, True)
    header[ITEMS] = total - 1
    keep((bits, counts))


@compiled
def _visit(store, layout, known, is_counted):
    """Take in all numbers of items, with the directory emptied; or, once counted, replace them."""
    ints, directory = store[INTS], store[DIRECTORY]
    size = np.int64(1) << store[HEADER][LEVEL]
    for slot in range(size, 2 * size):
        go_on_waiting(store, slot)
        entry = store[INDEX][slot]
        if entry == np.uint64(0):
            continue
        row, table = place_in(entry), np.int64(store[TABLES][slot])
        if table == layout[NUMBERS][USER_SCOPE]:
            ints[row + PRESENT] = _visited(known, is_counted, ints[row + PRESENT])
            _visit_history(store, row, known, is_counted)
        elif table == layout[NUMBERS][ITEM_SCOPE]:
            number = _visited(known, is_counted, ints[row + NUMBER])
            ints[row + NUMBER] = number
            directory[number] = row if is_counted else 0


@compiled
def _visit_history(store, of_user, known, is_counted):
    ints, halves = store[INTS], store[HALVES]
    chunk, left = ints[of_user + HISTORY], ints[of_user + SEEN_COUNT] + ints[of_user + DONE_COUNT]
    while left > 0:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        first = 2 * (chunk + 1 + CHUNK_ENTRIES)
        for place in range(first, first + inside):
            halves[place] = _visited(known, is_counted, np.int64(halves[place]))
        chunk = ints[chunk]


@compiled
def _visited(known, is_counted, number):
    """What takes the place of this number: itself, while numbers are not counted. No item stays."""
    if is_counted:
        return below(known, number)
    include(known, number, 1)
    return number
