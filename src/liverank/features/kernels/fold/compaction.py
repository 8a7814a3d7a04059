"""The kernel that closes the gaps in the arena, so that freed words can hold rows of any width.

Freed words are reused only by rows of the same scope; where the mix of rows changes, they form gaps
that fit no new row. Compaction moves all rows and chunks towards the start of the arena, in order,
and updates every stored offset: in the index, the directory, and people's histories and edges.
Invariant: nothing else changes, so every read gives the same bits before and after.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.bitset import below, count_up, groups_of, include
from liverank.features.kernels.memory.heartbeat import show_progress
from liverank.features.kernels.memory.index import entry_of, offset_in
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    HEADER_COMPACTED,
    HEADER_FREE_LISTS,
    HEADER_FREED,
    HEADER_LEVEL,
    HEADER_USED,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_USER_SCOPE,
    NUMBERS_WIDEST,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import ITEM_NUMBER, USER_EDGES, USER_HISTORY


@compiled
def compact(store, layout):
    """Close all gaps; needs temporary memory of twelve bytes for each 512 of the arena."""
    header = store.header
    groups = groups_of(header[HEADER_USED])
    bits, counts = np.zeros(groups, np.uint64), np.empty(groups, np.uint32)
    kept = (pointer_to(bits), pointer_to(counts))
    include(kept, 0, 2 * layout.numbers[NUMBERS_WIDEST])  # the rows of zeros and of NaN
    _visit(store, layout, kept, False)
    count_up(kept, groups)
    _visit(store, layout, kept, True)
    _close(store, kept, groups)
    for class_ in range(CHUNK_CLASS + 1):
        header[HEADER_FREE_LISTS + class_] = 0
    header[HEADER_COMPACTED] += 1
    keep((bits, counts))


@compiled
def _visit(store, layout, kept, is_counted):
    """Add all used words to the set ``kept``; or, if ``is_counted``, replace each offset."""
    ints, index = store.ints, store.index
    size = np.int64(1) << store.header[HEADER_LEVEL]
    for slot in range(size, 2 * size):
        show_progress(store, slot)
        if index[slot] == np.uint64(0):
            continue
        row, table = offset_in(index[slot]), np.int64(store.tables[slot])
        moved_to = _visited(kept, is_counted, row, shape_of(layout, table, SHAPE_WIDTH))
        if table == layout.numbers[NUMBERS_USER_SCOPE]:
            _visit_chain(ints, kept, is_counted, row + USER_HISTORY)
            _visit_chain(ints, kept, is_counted, row + USER_EDGES)
        elif table == layout.numbers[NUMBERS_ITEM_SCOPE]:
            store.directory[ints[row + ITEM_NUMBER]] = moved_to
        index[slot] = entry_of(moved_to, index[slot])


@compiled
def _visit_chain(ints, kept, is_counted, link):
    """Visit a chain of chunks; ``link`` is the word that holds its first offset."""
    while link != 0:
        chunk = ints[link]
        ints[link] = _visited(kept, is_counted, chunk, CHUNK)
        link = chunk


@compiled
def _visited(kept, is_counted, offset, width):
    """The new offset: unchanged while words are not counted; 0, for none, stays 0."""
    if is_counted:
        return below(kept, offset)
    include(kept, offset, width)
    return offset


@compiled
def _close(store, kept, groups):
    """Move the used words to the front, and clear the words after them."""
    header, ints, bits = store.header, store.ints, kept[0]
    used, to = header[HEADER_USED], np.int64(0)
    for group in range(groups):
        show_progress(store, group)
        is_kept = bits[group]
        for word in range(64 * group, min(64 * group + 64, used)):
            ints[to] = ints[word]
            to += np.int64(is_kept & np.uint64(1))
            is_kept >>= np.uint64(1)
    for word in range(to, used):
        ints[word] = 0
    header[HEADER_USED], header[HEADER_FREED] = to, 0
