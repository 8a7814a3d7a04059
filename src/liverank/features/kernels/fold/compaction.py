"""The kernel that closes the gaps in the arena, so that what was given back fits anything again.

Words given back are used again by rows of the same class; where what comes is of another class than
what went, they lie in pieces that nothing fits. Here all rows and chunks move towards the start, in
the order in which they lie, and every place that is stored follows: the index's, the directory's,
and those of people's histories and edges. Invariant: nothing else changes, so every read gives the
same bits before and after.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.bitset import below, count_up, groups_of, include
from liverank.features.kernels.memory.heartbeat import go_on_waiting
from liverank.features.kernels.memory.index import entry_of, place_in
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    COMPACTED,
    DIRECTORY,
    FREE_LISTS,
    FREED,
    HEADER,
    INDEX,
    INTS,
    ITEM_SCOPE,
    LEVEL,
    NUMBERS,
    TABLES,
    USED,
    USER_SCOPE,
    WIDEST,
    WIDTH,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import EDGES, HISTORY, NUMBER


@compiled
def compact(store, layout):
    """Close all gaps; takes twelve bytes for each 512 of the arena meanwhile."""
    header = store[HEADER]
    groups = groups_of(header[USED])
    bits, counts = np.zeros(groups, np.uint64), np.empty(groups, np.uint32)
    kept = (pointer_to(bits), pointer_to(counts))
    include(kept, 0, 2 * layout[NUMBERS][WIDEST])  # the rows of zeros and of NaN
    _visit(store, layout, kept, False)
    count_up(kept, groups)
    _visit(store, layout, kept, True)
    _close(store, kept, groups)
    for class_ in range(CHUNK_CLASS + 1):
        header[FREE_LISTS + class_] = 0
    header[COMPACTED] += 1
    keep((bits, counts))


@compiled
def _visit(store, layout, kept, is_counted):
    """Take in all words that are kept; or, once counted, let each place be where it will move."""
    ints, index = store[INTS], store[INDEX]
    size = np.int64(1) << store[HEADER][LEVEL]
    for slot in range(size, 2 * size):
        go_on_waiting(store, slot)
        if index[slot] == np.uint64(0):
            continue
        row, table = place_in(index[slot]), np.int64(store[TABLES][slot])
        place = _visited(kept, is_counted, row, shape_of(layout, table, WIDTH))
        if table == layout[NUMBERS][USER_SCOPE]:
            _visit_chain(ints, kept, is_counted, row + HISTORY)
            _visit_chain(ints, kept, is_counted, row + EDGES)
        elif table == layout[NUMBERS][ITEM_SCOPE]:
            store[DIRECTORY][ints[row + NUMBER]] = place
        index[slot] = entry_of(place, index[slot])


@compiled
def _visit_chain(ints, kept, is_counted, link):
    """Visit a chain of chunks by the word that says where it begins."""
    while link != 0:
        chunk = ints[link]
        ints[link] = _visited(kept, is_counted, chunk, CHUNK)
        link = chunk


@compiled
def _visited(kept, is_counted, place, width):
    """What takes the place of this one: itself, while words are not counted. No place, 0, stays."""
    if is_counted:
        return below(kept, place)
    include(kept, place, width)
    return place


@compiled
def _close(store, kept, groups):
    """Move the words that are kept, and leave zeros behind them."""
    header, ints, bits = store[HEADER], store[INTS], kept[0]
    used, to = header[USED], np.int64(0)
    for group in range(groups):
        go_on_waiting(store, group)
        is_kept = bits[group]
        for place in range(64 * group, min(64 * group + 64, used)):
            ints[to] = ints[place]
            to += np.int64(is_kept & np.uint64(1))
            is_kept >>= np.uint64(1)
    for place in range(to, used):
        ints[place] = 0
    header[USED], header[FREED] = to, 0
