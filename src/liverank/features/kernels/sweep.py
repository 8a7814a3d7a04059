"""The kernel that keeps state bounded: a hand goes round the index, a slot for each event.

A row that nothing touched for ten of the longest half-lives is swept away: what it counted has
decayed to a thousandth. While state takes more than it may, the hand goes faster and rows are
evicted sooner: each round that does not help halves how long a row may lie idle. Where an event
finds no room all the same, the hand goes round at once. The clock follows the events' by a day each
at most, and an event that is further away turns no hand, so that one wrong clock sweeps nothing,
wherever it stands in the log.
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
    FREED,
    HAND,
    HEADER,
    IDLE_MS,
    INDEX,
    INTS,
    ITEM_SCOPE,
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
from liverank.features.kernels.waiting import go_on_waiting
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
_LAST_ROUND = 40
"""Halvings of a year after which no millisecond is left."""


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
        allowed_ms = _allowed_ms(layout, header[PATIENCE])
        if not _drop_if_idle(store, layout, size + header[HAND], allowed_ms):
            header[HAND] += 1


@compiled
def evict(store, layout, most_words):
    """Evict until state takes no more than it may, and less than so many words of the arena.

    The hand goes round at once, sooner evicting with each round, and in the last one whatever it
    meets: where a million events are of the same moment, none of their rows is idle.
    """
    header, most = store[HEADER], layout[NUMBERS][MAX_WORDS]
    halvings, turned = header[PATIENCE], np.int64(0)
    while header[ROWS] > 0 and (
        used_words(store) > most or header[USED] - header[FREED] >= most_words
    ):
        size = np.int64(1) << header[LEVEL]
        if header[HAND] >= size:
            header[HAND] = 0
        allowed_ms = _allowed_ms(layout, halvings) if halvings < _LAST_ROUND else -np.inf
        if _drop_if_idle(store, layout, size + header[HAND], allowed_ms):
            if used_words(store) > most and halvings < _LAST_ROUND:
                header[PATIENCE] = max(header[PATIENCE], halvings - 1)
            continue
        header[HAND] += 1
        turned += 1
        if turned % size == 0:
            halvings += 1
        go_on_waiting(store, turned)


@compiled
def _allowed_ms(layout, halvings):
    """How long a row may lie idle."""
    longest_ms = layout[REALS][IDLE_MS]
    return min(longest_ms, _YEAR_MS) * 0.5**halvings if halvings > 0 else longest_ms


@compiled
def _drop_if_idle(store, layout, slot, allowed_ms):
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
    header[SWEPT if idle_ms > layout[REALS][IDLE_MS] else EVICTED] += 1
    return True
