"""Kernels that ensure that an event fits into the arena before it is folded.

When the arena is full, it is compacted: gaps of freed words are closed. Rows are evicted only where
state exceeds its memory limit. An event is lost only where it would not fit into an empty state.
"""

from liverank.compiled import compiled
from liverank.features.kernels.fold.compaction import compact
from liverank.features.kernels.fold.eviction import evict
from liverank.features.kernels.fold.renumbering import renumber
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    HEADER_ITEMS,
    HEADER_USED,
    MAX_ITEMS,
    NUMBERS_CAPACITY,
    NUMBERS_NEXT_SCOPE,
    NUMBERS_SCOPE_COUNT,
    NUMBERS_WIDEST,
    SHAPE_LIST_PART,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import MAX_ELEMENTS, RECENT_ITEMS


@compiled
def ensure_capacity(store, layout, ranking_items):
    """Free memory if needed; returns whether an event with so many ranked items fits."""
    header, numbers = store.header, layout.numbers
    entities = ranking_items + 2
    if header[HEADER_ITEMS] + entities >= MAX_ITEMS:
        renumber(store, layout)
        if header[HEADER_ITEMS] + entities >= MAX_ITEMS:
            return False
    rows = entities * (numbers[NUMBERS_SCOPE_COUNT] * MAX_ELEMENTS + RECENT_ITEMS)
    if rows * numbers[NUMBERS_WIDEST] + CHUNK < numbers[NUMBERS_CAPACITY] - header[HEADER_USED]:
        return True
    words = _most_words(layout, entities)  # the exact bound; rarely needed
    if words < numbers[NUMBERS_CAPACITY] - header[HEADER_USED]:
        return True
    if (
        words >= numbers[NUMBERS_CAPACITY] - 2 * numbers[NUMBERS_WIDEST]
    ):  # even where there are no rows
        return False
    evict(store, layout, numbers[NUMBERS_CAPACITY] - words)
    compact(store, layout)
    return words < numbers[NUMBERS_CAPACITY] - header[HEADER_USED]


@compiled
def _most_words(layout, entities):
    """Upper bound of the words that an event with this number of entities needs."""
    numbers = layout.numbers
    of_one = RECENT_ITEMS * numbers[NUMBERS_WIDEST]
    for scope in range(numbers[NUMBERS_NEXT_SCOPE]):
        is_list = shape_of(layout, scope, SHAPE_LIST_PART) >= 0
        of_one += shape_of(layout, scope, SHAPE_WIDTH) * (MAX_ELEMENTS if is_list else 1)
    return entities * of_one + CHUNK
