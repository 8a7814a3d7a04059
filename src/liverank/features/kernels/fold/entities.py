"""Kernels for the rows of users and items: when they were heard of, their fields, their states."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.index import MISSING, add, find, find_or_add, row_key
from liverank.features.kernels.memory.offsets import (
    BITS,
    COPIED,
    COPIES,
    DIRECTORY,
    HEADER,
    INTS,
    ITEM_SCOPE,
    ITEMS,
    LIFE_FIELD,
    LIFE_SCOPE,
    NEW_ITEM,
    NEW_USER,
    NUMBERS,
    USER_SCOPE,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import (
    ENDED,
    FIRST_SEEN,
    KEY,
    LAST_SEEN,
    LATEST_AT,
    LATEST_KEY,
    LIFE,
    LIFE_HEARD,
    LIFE_KEY,
    LIFE_MS,
    LIVES,
    NUMBER,
    SCHEDULED,
    STARTED,
    STARTS,
)
from liverank.features.stream.event_arrays import STATE_ENDED, STATE_SCHEDULED, STATE_STARTED

ONE = np.uint64(1)
"""Stands for the part that a key of one entity does not have."""
_ALL_SCOPE = 0


@compiled
def user_key(layout, user):
    """The key of a user's row."""
    return row_key(layout[NUMBERS][USER_SCOPE], user, ONE)


@compiled
def item_key(layout, item):
    """The key of an item's row."""
    return row_key(layout[NUMBERS][ITEM_SCOPE], item, ONE)


@compiled
def user_row(store, layout, user, at):
    """The first word of a user's row, made where it is missing; the user is heard of."""
    key = user_key(layout, user)
    row = find(store, key)
    if row == MISSING:
        row = _new_row(store, layout, layout[NUMBERS][USER_SCOPE], key, layout[NEW_USER])
    _hear(store[WORDS], row, at)
    return row


@compiled
def item_row(store, layout, item, at):
    """The first word of an item's row, made and numbered where it is missing; it is heard of."""
    key = item_key(layout, item)
    row = find(store, key)
    if row == MISSING:
        row = _new_row(store, layout, layout[NUMBERS][ITEM_SCOPE], key, layout[NEW_ITEM])
        number = store[HEADER][ITEMS] + 1
        store[HEADER][ITEMS] = number
        store[INTS][row + NUMBER] = number
        store[DIRECTORY][number] = row
    words = store[WORDS]
    if not words[row + FIRST_SEEN] <= at:
        words[row + FIRST_SEEN] = at
    _hear(words, row, at)
    return row


@compiled
def set_fields(store, stamps, row, at, begin, end, set_word, set_value):
    """Set fields of a row to what an event at ``at`` says, but those that a later event set.

    ``stamps`` says which word holds the time of the event that set a field. All words of a field
    are set or none, as its first one brings the stamp to ``at``.
    """
    words, bits = store[WORDS], store[BITS]
    for place in range(begin, end):
        stamp = row + stamps[set_word[place]]
        if not words[stamp] > at:
            words[stamp] = at
            bits[row + set_word[place]] = set_value[place]


@compiled
def set_item_state(store, layout, row, state, at):
    """Keep the last start, end and announcement, so that order of arrival does not matter."""
    words = store[WORDS]
    if state == STATE_STARTED:
        words[row + STARTS] += 1.0
        if not words[row + STARTED] >= at:
            words[row + STARTED] = at
    elif state == STATE_ENDED and not words[row + ENDED] >= at:
        words[row + ENDED] = at
    elif state == STATE_SCHEDULED and not words[row + SCHEDULED] >= at:
        words[row + SCHEDULED] = at
    _count_life(store, layout, row)
    _keep_latest(store, layout, row, at)


@compiled
def is_over(words, row):
    """Whether an item ended, and neither started nor was announced again since."""
    ended = words[row + ENDED]
    return (
        not np.isnan(ended)
        and not words[row + STARTED] > ended
        and not words[row + SCHEDULED] > ended
    )


@compiled
def _new_row(store, layout, table, key, template):
    """Make a row of which nothing is known yet."""
    width = shape_of(layout, table, WIDTH)
    row = add(store, table, key, width)
    for word in range(1, width):
        store[WORDS][row + word] = template[word]
    return row


@compiled
def _hear(words, row, at):
    if not words[row + LAST_SEEN] >= at:
        words[row + LAST_SEEN] = at


@compiled
def _count_life(store, layout, row):
    """Let how long an item lived count for its host and for all, instead of what counted before.

    Milliseconds are whole, so what is taken back leaves nothing behind.
    """
    words = store[WORDS]
    bits = store[BITS]
    life_ms = words[row + ENDED] - words[row + STARTED]
    if life_ms < 0.0:  # it started again since
        life_ms = np.nan
    host = layout[NUMBERS][LIFE_FIELD]
    key = bits[row + host] if host >= 0 else np.uint64(0)
    before_ms, key_before = words[row + LIFE], bits[row + LIFE_KEY]
    if (life_ms == before_ms or (np.isnan(life_ms) and np.isnan(before_ms))) and key == key_before:
        return
    if not np.isnan(before_ms):
        _add_life(store, layout, key_before, -1.0, -before_ms, words[row + ENDED])
    if not np.isnan(life_ms):
        _add_life(store, layout, key, 1.0, life_ms, words[row + ENDED])
    words[row + LIFE], bits[row + LIFE_KEY] = life_ms, key


@compiled
def _keep_latest(store, layout, row, at):
    """Keep an item's fields in its host's row where no item of the host started later.

    Of two that started at once the same one always stays, by their keys.
    """
    words, bits, copies = store[WORDS], store[BITS], layout[COPIES]
    started = words[row + STARTED]
    if layout[NUMBERS][COPIED] == 0 or np.isnan(started):
        return
    host = bits[row + layout[NUMBERS][LIFE_FIELD]]
    if host == np.uint64(0):
        return
    of_host = find_or_add(store, layout, layout[NUMBERS][LIFE_SCOPE], host, ONE)
    started = max(started, 1.0)  # zero is none
    kept = words[of_host + LATEST_AT]
    if kept > started or (kept == started and bits[of_host + LATEST_KEY] > bits[row + KEY]):
        return
    words[of_host + LATEST_AT], bits[of_host + LATEST_KEY] = started, bits[row + KEY]
    words[of_host + LIFE_HEARD] = max(words[of_host + LIFE_HEARD], at)
    for field in range(layout[NUMBERS][COPIED]):
        first, count, target = copies[3 * field], copies[3 * field + 1], copies[3 * field + 2]
        for word in range(count):
            bits[of_host + target + word] = bits[row + first + word]


@compiled
def _add_life(store, layout, host, lives, total_ms, at):
    words = store[WORDS]
    for scope, part in ((_ALL_SCOPE, ONE), (layout[NUMBERS][LIFE_SCOPE], host)):
        if scope >= 0 and part != np.uint64(0):
            row = find_or_add(store, layout, scope, part, ONE)
            if lives < 0.0 and words[row + LIVES] < 1.0:
                continue  # what is taken back was swept away meanwhile
            words[row + LIVES] += lives
            words[row + LIFE_MS] += total_ms
            words[row + LIFE_HEARD] = max(words[row + LIFE_HEARD], at)
