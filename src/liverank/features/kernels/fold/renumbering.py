"""The kernel that renumbers items, once all numbers have been used.

An item has a number while it has a row, and histories may refer to it by this number for longer.
Unused numbers are freed: the others move down, in order. Invariant: two entries refer to the same
item afterwards if and only if they did before.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.bitset import below, count_up, groups_of, include
from liverank.features.kernels.memory.heartbeat import show_progress
from liverank.features.kernels.memory.index import offset_in
from liverank.features.kernels.memory.offsets import (
    CHUNK_ENTRIES,
    HEADER_ITEMS,
    HEADER_LEVEL,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_USER_SCOPE,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.layout.constants import (
    ITEM_NUMBER,
    USER_DONE_COUNT,
    USER_HISTORY,
    USER_PRESENT,
    USER_SEEN_COUNT,
)


@compiled
def renumber(store, layout):
    """Number the items that rows or histories refer to from 1; there is no item 0."""
    header = store.header
    groups = groups_of(header[HEADER_ITEMS])
    bits, counts = np.zeros(groups, np.uint64), np.empty(groups, np.uint32)
    known = (pointer_to(bits), pointer_to(counts))
    include(known, 0, 1)
    _visit(store, layout, known, False)
    total = count_up(known, groups)
    _visit(store, layout, known, True)
    header[HEADER_ITEMS] = total - 1
    keep((bits, counts))


@compiled
def _visit(store, layout, known, is_counted):
    """Add all numbers to ``known`` and clear the directory; or, if ``is_counted``, replace them."""
    ints, directory = store.ints, store.directory
    size = np.int64(1) << store.header[HEADER_LEVEL]
    for slot in range(size, 2 * size):
        show_progress(store, slot)
        entry = store.index[slot]
        if entry == np.uint64(0):
            continue
        row, table = offset_in(entry), np.int64(store.tables[slot])
        if table == layout.numbers[NUMBERS_USER_SCOPE]:
            ints[row + USER_PRESENT] = _visited(known, is_counted, ints[row + USER_PRESENT])
            _visit_history(store, row, known, is_counted)
        elif table == layout.numbers[NUMBERS_ITEM_SCOPE]:
            number = _visited(known, is_counted, ints[row + ITEM_NUMBER])
            ints[row + ITEM_NUMBER] = number
            directory[number] = row if is_counted else 0


@compiled
def _visit_history(store, of_user, known, is_counted):
    ints, halves = store.ints, store.halves
    chunk, left = (
        ints[of_user + USER_HISTORY],
        ints[of_user + USER_SEEN_COUNT] + ints[of_user + USER_DONE_COUNT],
    )
    while left > 0:
        inside = (left - 1) % CHUNK_ENTRIES + 1
        left -= inside
        first = 2 * (chunk + 1 + CHUNK_ENTRIES)
        for half in range(first, first + inside):
            halves[half] = _visited(known, is_counted, np.int64(halves[half]))
        chunk = ints[chunk]


@compiled
def _visited(known, is_counted, number):
    """The new number: unchanged while numbers are not counted; 0, for none, stays 0."""
    if is_counted:
        return below(known, number)
    include(known, number, 1)
    return number
