"""The kernels that see to it that an event fits into the arena before it is folded.

Memory that was given back is not lost to what is of another class: when the arena is at its end,
gaps are closed. Only state that takes more than it may is evicted, and only an event that no state
is small enough for finds no room.
"""

from liverank.compiled import compiled
from liverank.features.kernels.fold.compaction import compact
from liverank.features.kernels.fold.eviction import evict
from liverank.features.kernels.fold.renumbering import renumber
from liverank.features.kernels.memory.offsets import (
    CAPACITY,
    CHUNK,
    HEADER,
    ITEMS,
    LIST_PART,
    MAX_ITEMS,
    NEXT_SCOPE,
    NUMBERS,
    SCOPE_COUNT,
    USED,
    WIDEST,
    WIDTH,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import MAX_ELEMENTS, RECENT_ITEMS


@compiled
def make_room(store, layout, ranking_items):
    """Whether one more event, a ranking of so many items, surely fits, once room was made."""
    header, numbers = store[HEADER], layout[NUMBERS]
    entities = ranking_items + 2
    if header[ITEMS] + entities >= MAX_ITEMS:
        renumber(store, layout)
        if header[ITEMS] + entities >= MAX_ITEMS:
            return False
    rows = entities * (numbers[SCOPE_COUNT] * MAX_ELEMENTS + RECENT_ITEMS)
    if rows * numbers[WIDEST] + CHUNK < numbers[CAPACITY] - header[USED]:
        return True
    words = _most_words(layout, entities)  # look closer, as is seldom needed
    if words < numbers[CAPACITY] - header[USED]:
        return True
    if words >= numbers[CAPACITY] - 2 * numbers[WIDEST]:  # even where there are no rows
        return False
    evict(store, layout, numbers[CAPACITY] - words)
    compact(store, layout)
    return words < numbers[CAPACITY] - header[USED]


@compiled
def _most_words(layout, entities):
    """Words that an event of so many entities takes at most."""
    numbers = layout[NUMBERS]
    of_one = RECENT_ITEMS * numbers[WIDEST]
    for scope in range(numbers[NEXT_SCOPE]):
        is_list = shape_of(layout, scope, LIST_PART) >= 0
        of_one += shape_of(layout, scope, WIDTH) * (MAX_ELEMENTS if is_list else 1)
    return entities * of_one + CHUNK
