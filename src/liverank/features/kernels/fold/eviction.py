"""Eviction by the CLOCK algorithm: each event advances the hand by one slot of the index.

A row that is idle for ten of the longest half-lives is swept: its counters have decayed to a
thousandth. The fields of described people and items (those with a `user` or an `item` event) do not
decay and are not sent again: their rows stay however long they are idle, and only the people's
histories are freed.

While state exceeds its memory limit, the hand moves faster and the allowed idle time shrinks: each
round that does not free enough halves it for counters and histories. Rows of people and items that
are not described may be idle twice as long, described items that are over 16 times as long, and the
other described people and items are evicted after everything else. Where an event still does not
fit, full rounds run immediately. The hand's clock advances by at most a day per event, and an event
more than a day away from it does not advance the hand, so that one bad timestamp evicts nothing.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import is_over
from liverank.features.kernels.fold.history import forget
from liverank.features.kernels.fold.presence import leave_for_good
from liverank.features.kernels.memory.heartbeat import show_progress
from liverank.features.kernels.memory.index import (
    give_back,
    give_back_chain,
    offset_in,
    remove,
    used_words,
)
from liverank.features.kernels.memory.offsets import (
    HEADER_CLOCK,
    HEADER_EVICTED,
    HEADER_FORGOTTEN,
    HEADER_FREED,
    HEADER_HALVINGS,
    HEADER_HAND,
    HEADER_LEVEL,
    HEADER_ROWS,
    HEADER_SWEPT,
    HEADER_USED,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_MAX_WORDS,
    NUMBERS_USER_SCOPE,
    REALS_IDLE_MS,
    SHAPE_BASE,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import (
    ENTITY_LAST_SEEN,
    ITEM_DESCRIBED,
    ITEM_NUMBER,
    ROW_KEY,
    ROW_LAST,
    ROW_WORDS,
    USER_DESCRIBED,
    USER_DONE_COUNT,
    USER_EDGE_COUNT,
    USER_EDGES,
    USER_SEEN_COUNT,
)

_DAY_MS = 86_400_000
_YEAR_MS = 365.0 * _DAY_MS
_FAST_STEPS = 128
"""Number of slots by which an event advances the hand while state exceeds its memory limit."""
_RELAXED = 0.9
"""Share of the memory limit below which halvings of the idle time are undone."""
_LAST_ROUND = 40
"""Number of halvings after which less than a millisecond of a year is left."""
_UNDESCRIBED_LATER, _OVER_LATER = 1, 4
"""Halvings by which undescribed rows, and items that are over, outlast counters."""
_DESCRIBED_LATER, _DESCRIBED_STEP = _LAST_ROUND + _OVER_LATER, 4
"""Number of halvings after which only described people and described items that are not over are
left, and the halvings per round from then on."""
_NOTHING, _HISTORY, _ROW = 0, 1, 2
"""Codes of what was freed of a slot's row."""


@compiled
def sweep(store, layout, at):
    """Move the clock towards ``at`` and advance the hand."""
    header = store.header
    step = np.int64(min(max(at - header[HEADER_CLOCK], -_DAY_MS), _DAY_MS))
    header[HEADER_CLOCK] = header[HEADER_CLOCK] + step if header[HEADER_CLOCK] > 0 else np.int64(at)
    if abs(at - header[HEADER_CLOCK]) > _DAY_MS:
        return  # one of the two times is wrong, possibly the event's
    most = layout.numbers[NUMBERS_MAX_WORDS]
    for _ in range(_FAST_STEPS if used_words(header) > most else 1):
        size = np.int64(1) << header[HEADER_LEVEL]
        if header[HEADER_HAND] >= size:
            header[HEADER_HAND] = 0
            if used_words(header) > most:
                header[HEADER_HALVINGS] += 1
            elif header[HEADER_HALVINGS] > 0 and used_words(header) < _RELAXED * most:
                header[HEADER_HALVINGS] -= 1
        if _free_idle(store, layout, size + header[HEADER_HAND], header[HEADER_HALVINGS]) != _ROW:
            header[HEADER_HAND] += 1  # another row may have moved to the slot of a removed one


@compiled
def evict(store, layout, most_words):
    """Evict until state is within its memory limit and uses fewer than ``most_words`` of the arena.

    Full rounds run immediately, with a shorter idle time in each. The last rounds evict every row:
    where a million events have the same time, none of their rows is idle.
    """
    header, most = store.header, layout.numbers[NUMBERS_MAX_WORDS]
    halvings, turned = header[HEADER_HALVINGS], np.int64(0)
    while header[HEADER_ROWS] > 0 and (
        used_words(header) > most or header[HEADER_USED] - header[HEADER_FREED] >= most_words
    ):
        size = np.int64(1) << header[HEADER_LEVEL]
        if header[HEADER_HAND] >= size:
            header[HEADER_HAND] = 0
        what = _free_idle(store, layout, size + header[HEADER_HAND], halvings)
        if what != _NOTHING and used_words(header) > most and halvings < _LAST_ROUND:
            header[HEADER_HALVINGS] = max(header[HEADER_HALVINGS], halvings - 1)
        if what == _ROW:
            continue
        header[HEADER_HAND] += 1
        turned += 1
        if turned % size == 0:
            halvings += 1
        show_progress(store, turned)


@compiled
def _allowed_ms(layout, halvings, longest_ms):
    """The allowed idle time of a row after this number of halvings; ``longest_ms`` after none."""
    if halvings <= 0:
        return longest_ms
    if halvings >= _LAST_ROUND:
        return -np.inf
    return min(layout.reals[REALS_IDLE_MS], _YEAR_MS) * 0.5**halvings


@compiled
def _free_idle(store, layout, slot, halvings):
    """Free a slot's row, or its history, if idle too long; returns a code of what was freed."""
    header, words, numbers = store.header, store.words, layout.numbers
    entry = store.index[slot]
    if entry == np.uint64(0):
        return _NOTHING
    row, table = offset_in(entry), np.int64(store.tables[slot])
    seen = words[row + ROW_LAST]
    if (
        shape_of(layout, table, SHAPE_BASE) > ROW_WORDS
    ):  # in a host's row, the same word is LIFE_UPDATED
        seen = max(seen, words[row + ENTITY_LAST_SEEN])
    idle_ms = header[HEADER_CLOCK] - seen
    longest_ms = layout.reals[REALS_IDLE_MS]
    if not idle_ms > _allowed_ms(layout, halvings, longest_ms):  # the shortest time of all
        return _NOTHING
    counted_as = HEADER_SWEPT if idle_ms > longest_ms else HEADER_EVICTED
    if table in (numbers[NUMBERS_USER_SCOPE], numbers[NUMBERS_ITEM_SCOPE]):
        is_user = table == numbers[NUMBERS_USER_SCOPE]
        is_described = (
            _is_described_user(store, row) if is_user else words[row + ITEM_DESCRIBED] != 0.0
        )
        allowed_ms = _allowed_ms(layout, halvings - _UNDESCRIBED_LATER, longest_ms)
        if is_described and not is_user and is_over(words, row):
            allowed_ms = _allowed_ms(layout, halvings - _OVER_LATER, np.inf)
        elif is_described:
            allowed_ms = _allowed_ms(
                layout, _DESCRIBED_STEP * (halvings - _DESCRIBED_LATER), np.inf
            )
        if not idle_ms > allowed_ms:
            return _free_history(store, layout, row, counted_as) if is_user else _NOTHING
        if is_described:
            counted_as = HEADER_FORGOTTEN
    _drop(store, layout, row, table)
    header[counted_as] += 1
    return _ROW


@compiled
def _is_described_user(store, row):
    """Whether a person has a `user` event or an edge."""
    return store.words[row + USER_DESCRIBED] != 0.0 or store.ints[row + USER_EDGE_COUNT] > 0


@compiled
def _free_history(store, layout, row, counted_as):
    """Free a person's history, if there is one; their row stays."""
    ints = store.ints
    if ints[row + USER_SEEN_COUNT] + ints[row + USER_DONE_COUNT] == 0:
        return _NOTHING
    leave_for_good(store, layout, row)
    forget(store, row)
    store.header[counted_as] += 1
    return _HISTORY


@compiled
def _drop(store, layout, row, table):
    """Remove a row from the index, and free its words, history and edges."""
    if table == layout.numbers[NUMBERS_USER_SCOPE]:
        leave_for_good(store, layout, row)
        forget(store, row)
        give_back_chain(store, store.ints[row + USER_EDGES])
    elif table == layout.numbers[NUMBERS_ITEM_SCOPE]:
        store.directory[store.ints[row + ITEM_NUMBER]] = 0
    remove(store, store.bits[row + ROW_KEY])
    give_back(store, row, shape_of(layout, table, SHAPE_WIDTH), table)
