"""The kernels that keep state bounded: a hand goes round the index, a slot for each event.

A row that nothing touched for ten of the longest half-lives is swept away: what it counted has
decayed to a thousandth. What events told of people and items does not decay, and comes no second
time: their rows stay however long they lie idle, and of people only the history goes.

While state takes more than it may, the hand goes faster and all goes sooner: each round that does
not help halves how long counters and histories may lie idle. Rows of people and items of which
nothing was told may lie twice as long, items that are over 16 times as long, and told people and
other items go only after all else. Where an event finds no room all the same, the hand goes round
at once. The clock follows the events' by a day each
at most, and an event that is further away turns no hand, so that one wrong clock sweeps nothing,
wherever it stands in the log.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import is_over
from liverank.features.kernels.fold.history import forget
from liverank.features.kernels.fold.presence import leave_for_good
from liverank.features.kernels.memory.heartbeat import go_on_waiting
from liverank.features.kernels.memory.index import (
    give_back,
    give_back_chain,
    place_in,
    remove,
    used_words,
)
from liverank.features.kernels.memory.offsets import (
    BASE,
    BITS,
    CLOCK,
    DIRECTORY,
    EVICTED,
    FORGOTTEN,
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
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import (
    DONE_COUNT,
    EDGE_COUNT,
    EDGES,
    ITEM_TOLD,
    KEY,
    LAST,
    LAST_SEEN,
    NUMBER,
    SEEN_COUNT,
    TABLE_WORDS,
    USER_TOLD,
)

_DAY_MS = 86_400_000
_YEAR_MS = 365.0 * _DAY_MS
_HURRY = 128
"""Slots that an event turns the hand by while state takes too much."""
_RELAXED = 0.9
"""The share of the memory below which patience comes back."""
_LAST_ROUND = 40
"""Halvings of a year after which no millisecond is left."""
_UNTOLD_LATER, _OVER_LATER = 1, 4
"""Halvings later than counters: rows of which nothing was told, and items that are over."""
_TOLD_LATER, _TOLD_STEP = _LAST_ROUND + _OVER_LATER, 4
"""The halving after which nothing is left but told people and items that are not over; they then go
by four halvings a round."""
_NOTHING, _HISTORY, _ROW = 0, 1, 2
"""What was let go of a slot."""


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
        if _let_go(store, layout, size + header[HAND], header[PATIENCE]) != _ROW:
            header[HAND] += 1  # where a row went, another one may have moved to its slot


@compiled
def evict(store, layout, most_words):
    """Evict until state takes no more than it may, and less than so many words of the arena.

    The hand goes round at once, sooner evicting with each round, and in the last ones whatever it
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
        what = _let_go(store, layout, size + header[HAND], halvings)
        if what != _NOTHING and used_words(store) > most and halvings < _LAST_ROUND:
            header[PATIENCE] = max(header[PATIENCE], halvings - 1)
        if what == _ROW:
            continue
        header[HAND] += 1
        turned += 1
        if turned % size == 0:
            halvings += 1
        go_on_waiting(store, turned)


@compiled
def _allowed_ms(layout, halvings, longest_ms):
    """How long something may lie idle: ``longest_ms``, and less where memory is short."""
    if halvings <= 0:
        return longest_ms
    if halvings >= _LAST_ROUND:
        return -np.inf
    return min(layout[REALS][IDLE_MS], _YEAR_MS) * 0.5**halvings


@compiled
def _let_go(store, layout, slot, halvings):
    """Let go of what lies idle too long of a slot's row; returns what that was."""
    header, words, numbers = store[HEADER], store[WORDS], layout[NUMBERS]
    entry = store[INDEX][slot]
    if entry == np.uint64(0):
        return _NOTHING
    row, table = place_in(entry), np.int64(store[TABLES][slot])
    heard = words[row + LAST]
    if shape_of(layout, table, BASE) > TABLE_WORDS:  # LIFE_HEARD is at the same place
        heard = max(heard, words[row + LAST_SEEN])
    idle_ms = header[CLOCK] - heard
    longest_ms = layout[REALS][IDLE_MS]
    if not idle_ms > _allowed_ms(layout, halvings, longest_ms):  # nothing goes sooner
        return _NOTHING
    counted_as = SWEPT if idle_ms > longest_ms else EVICTED
    if table in (numbers[USER_SCOPE], numbers[ITEM_SCOPE]):
        is_user = table == numbers[USER_SCOPE]
        is_told = _is_told_person(store, row) if is_user else words[row + ITEM_TOLD] != 0.0
        allowed_ms = _allowed_ms(layout, halvings - _UNTOLD_LATER, longest_ms)
        if is_told and not is_user and is_over(words, row):
            allowed_ms = _allowed_ms(layout, halvings - _OVER_LATER, np.inf)
        elif is_told:
            allowed_ms = _allowed_ms(layout, _TOLD_STEP * (halvings - _TOLD_LATER), np.inf)
        if not idle_ms > allowed_ms:
            return _let_go_of_history(store, layout, row, counted_as) if is_user else _NOTHING
        if is_told:
            counted_as = FORGOTTEN
    _drop(store, layout, row, table)
    header[counted_as] += 1
    return _ROW


@compiled
def _is_told_person(store, row):
    """Whether a `user` event told of a person, or an edge whom they follow."""
    return store[WORDS][row + USER_TOLD] != 0.0 or store[INTS][row + EDGE_COUNT] > 0


@compiled
def _let_go_of_history(store, layout, row, counted_as):
    """Let go of what a person did, where that is still remembered; their row stays."""
    ints = store[INTS]
    if ints[row + SEEN_COUNT] + ints[row + DONE_COUNT] == 0:
        return _NOTHING
    leave_for_good(store, layout, row)
    forget(store, row)
    store[HEADER][counted_as] += 1
    return _HISTORY


@compiled
def _drop(store, layout, row, table):
    """Take a row out of the index, and give back its words and all that hangs on it."""
    if table == layout[NUMBERS][USER_SCOPE]:
        leave_for_good(store, layout, row)
        forget(store, row)
        give_back_chain(store, store[INTS][row + EDGES])
    elif table == layout[NUMBERS][ITEM_SCOPE]:
        store[DIRECTORY][store[INTS][row + NUMBER]] = 0
    remove(store, store[BITS][row + KEY])
    give_back(store, row, shape_of(layout, table, WIDTH), table)
