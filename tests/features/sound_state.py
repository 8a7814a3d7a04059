"""The memory of a state: what holds of it, whatever was folded, and how to close its gaps."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.compaction import compact
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    CHUNK_CLASS,
    CHUNK_EDGES,
    CHUNK_ENTRIES,
    HEADER_FREE_LISTS,
    HEADER_FREED,
    HEADER_LEVEL,
    HEADER_ROWS,
    HEADER_USED,
)
from liverank.features.kernels.memory.pointers import layout_pointers, store_pointers
from liverank.features.layout.constants import (
    ITEM_NUMBER,
    ROW_KEY,
    USER_DONE_COUNT,
    USER_EDGE_COUNT,
    USER_EDGES,
    USER_HISTORY,
    USER_SEEN_COUNT,
)


def assert_is_sound(state):
    """The index finds every row, and each word of the arena has one owner."""
    header, index, tables, directory, words = state.store.arrays
    bits, ints = words.view(np.uint64), words.view(np.int64)
    scopes = state.layout.scopes
    size = 1 << int(header[HEADER_LEVEL])
    index, tables = index[size : 2 * size], tables[size : 2 * size]
    slots, lows = index >> np.uint64(32), index & np.uint64(0xFFFFFFFF)
    taken = np.flatnonzero(index)
    assert len(taken) == header[HEADER_ROWS]
    for slot in map(int, taken):
        home = int(lows[slot]) % size
        probed = np.arange(home, home + (slot - home) % size)
        assert index[probed % size].all(), "a gap hides the row"
        assert bits[slots[slot] + np.uint64(ROW_KEY)] & np.uint64(0xFFFFFFFF) == lows[slot]

    owned = []
    for place, table in zip(slots[taken].tolist(), tables[taken].tolist(), strict=True):
        owned.append((place, scopes[table].width))
        if scopes[table].name == "user":
            entries = ints[place + USER_SEEN_COUNT] + ints[place + USER_DONE_COUNT]
            for first, count in (
                (USER_HISTORY, -(-entries // CHUNK_ENTRIES)),
                (USER_EDGES, -(-ints[place + USER_EDGE_COUNT] // CHUNK_EDGES)),
            ):
                chunks = linked(ints, ints[place + first])
                assert len(chunks) == count
                owned += [(chunk, CHUNK) for chunk in chunks]
        elif scopes[table].name == "item":
            assert directory[ints[place + ITEM_NUMBER]] == place
    widths = {class_: scope.width for class_, scope in enumerate(scopes)} | {CHUNK_CLASS: CHUNK}
    free = [
        (place, width)
        for class_, width in widths.items()
        for place in linked(ints, header[HEADER_FREE_LISTS + class_])
    ]
    assert sum(width for _, width in free) == header[HEADER_FREED]

    end = 2 * max(CHUNK, *(scope.width for scope in scopes))  # after the rows of zeros and of NaN
    for place, width in sorted(owned + free):
        assert place == end
        end += width
    assert end == header[HEADER_USED]
    assert not bits[end : end + 10_000].any(), "what is taken next is zero"


def linked(ints, place):
    """The places of a chain, whose first words say where the next one is."""
    places = []
    while place:
        places.append(int(place))
        place = ints[place]
    return places


@compiled
def close_gaps(store_arrays, layout_arrays):
    compact(store_pointers(store_arrays), layout_pointers(layout_arrays))
