"""The kernel that keeps state bounded: a hand goes round the index, a slot for each event.

A row that nothing touched for ten of the longest half-lives is swept away: what it counted has
decayed to a thousandth. While state takes more than it may, the hand goes faster and rows are
evicted sooner: each round that does not help halves how long a row may lie idle. The clock follows
the events' by a day each at most, and an event that is further away turns no hand, so that one
wrong clock sweeps nothing, wherever it stands in the log.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.history import forget
from liverank.features.kernels.places import (
    BASE,
    BITS,
    CLOCK,
    DIRECTORY,
    EVICTED,
    FIRST_LEVEL,
    FREE_LISTS,
    FREED,
    HAND,
    HEADER,
    HEADER_SIZE,
    IDLE_MS,
    INDEX,
    INTS,
    ITEM_SCOPE,
    ITEMS,
    LEVEL,
    MAX_WORDS,
    NUMBERS,
    PATIENCE,
    REALS,
    ROWS,
    SWEPT,
    TABLES,
    USED,
    USER_SCOPE,
    WIDEST,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.presence import leave_for_good
from liverank.features.kernels.rows import (
    give_back,
    give_back_chain,
    place_in,
    remove,
    used_words,
)
from liverank.features.kernels.shapes import shape_of
from liverank.features.layout import (
    EDGES,
    KEY,
    LAST,
    LAST_SEEN,
    NUMBER,
    TABLE_WORDS,
)

_DAY_MS = 86_400_000
_YEAR_MS = 365.0 * _DAY_MS
_HURRY = 128
"""Slots that an event turns the hand by while state takes too much."""
_RELAXED = 0.9
"""The share of the memory below which patience comes back."""


@compiled
def sweep(store, layout, at):
    """Let time pass to ``at`` and turn the hand."""
    header = store[HEADER]
    step = np.int64(min(max(at - header[CLOCK], -_DAY_MS), _DAY_MS))
    header[CLOCK] = header[CLOCK] + step if header[CLOCK] > 0 else np.int64(at)
    if abs(at - header[CLOCK]) > _DAY_MS:
        return  # one of the two is wrong, and it may be the first
    most = layout[NUMBERS][MAX_WORDS]
    for _ in range(_HURRY if used_words(store) > most else 1):
        size = np.int64(1) << header[LEVEL]
        if header[HAND] >= size:
            header[HAND] = 0
            if used_words(store) > most:
                header[PATIENCE] += 1
            elif header[PATIENCE] > 0 and used_words(store) < _RELAXED * most:
                header[PATIENCE] -= 1
        if not _drop_if_idle(store, layout, size + header[HAND]):
            header[HAND] += 1


@compiled
def start_over(store, layout):
    """Forget everything: where what was given back lies in pieces that nothing fits any more."""
    header = store[HEADER]
    for slot in range(1 << FIRST_LEVEL, np.int64(2) << header[LEVEL]):
        store[INDEX][slot] = np.uint64(0)
    for number in range(header[ITEMS] + 1):
        store[DIRECTORY][number] = 0
    first = 2 * layout[NUMBERS][WIDEST]  # after the rows of zeros and of NaN
    for word in range(first, header[USED]):
        store[WORDS][word] = 0.0
    header[EVICTED] += header[ROWS]
    header[LEVEL], header[USED] = FIRST_LEVEL, first
    for place in (ROWS, FREED, ITEMS, HAND, PATIENCE):
        header[place] = 0
    for place in range(FREE_LISTS, HEADER_SIZE):
        header[place] = 0


@compiled
def _drop_if_idle(store, layout, slot):
    """Drop the row of a slot if nothing touched it for too long; returns whether it did."""
    header, words = store[HEADER], store[WORDS]
    entry = store[INDEX][slot]
    if entry == np.uint64(0):
        return False
    row, table = place_in(entry), np.int64(store[TABLES][slot])
    heard = words[row + LAST]
    if shape_of(layout, table, BASE) > TABLE_WORDS:  # LIFE_HEARD is at the same place
        heard = max(heard, words[row + LAST_SEEN])
    idle_ms = header[CLOCK] - heard
    longest_ms = layout[REALS][IDLE_MS]
    allowed_ms = longest_ms
    if header[PATIENCE] > 0:
        allowed_ms = min(longest_ms, _YEAR_MS) * 0.5 ** header[PATIENCE]
    if not idle_ms > allowed_ms:
        return False
    if table == layout[NUMBERS][USER_SCOPE]:
        leave_for_good(store, layout, row)
        forget(store, row)
        give_back_chain(store, store[INTS][row + EDGES])
    elif table == layout[NUMBERS][ITEM_SCOPE]:
        store[DIRECTORY][store[INTS][row + NUMBER]] = 0
    remove(store, store[BITS][row + KEY])
    give_back(store, row, shape_of(layout, table, WIDTH), table)
    header[SWEPT if idle_ms > longest_ms else EVICTED] += 1
    return True
