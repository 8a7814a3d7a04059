"""Kernels for the rows of users and items: when they were seen, their fields, their states."""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.index import MISSING, add, find, find_or_add, row_key
from liverank.features.kernels.memory.offsets import (
    HEADER_ITEMS,
    NUMBERS_COPIED_FIELDS,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_LIFE_FIELD,
    NUMBERS_LIFE_SCOPE,
    NUMBERS_USER_SCOPE,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import (
    ENTITY_LAST_SEEN,
    ITEM_ENDED,
    ITEM_FIRST_SEEN,
    ITEM_LIFE_HOST,
    ITEM_LIFE_MS,
    ITEM_NUMBER,
    ITEM_SCHEDULED,
    ITEM_STARTED,
    ITEM_STARTS,
    LATEST_AT,
    LATEST_KEY,
    LIFE_COUNT,
    LIFE_MS,
    LIFE_UPDATED,
    ROW_KEY,
)
from liverank.features.stream.event_codes import STATE_ENDED, STATE_SCHEDULED, STATE_STARTED

ONE = np.uint64(1)
"""Second part of the key of a row that belongs to a single entity."""
_ALL_SCOPE = 0


class FieldChanges(NamedTuple):
    """The words that an event sets: elements ``begin`` to ``end`` of two arrays of a stream.

    ``words`` int32[m] holds the words of the entity's row, ``values`` uint64[m] their bits.
    """

    begin: Any
    end: Any
    words: Any
    values: Any


@compiled
def user_key(layout, user):
    """The key of a user's row."""
    return row_key(layout.numbers[NUMBERS_USER_SCOPE], user, ONE)


@compiled
def item_key(layout, item):
    """The key of an item's row."""
    return row_key(layout.numbers[NUMBERS_ITEM_SCOPE], item, ONE)


@compiled
def user_row(store, layout, user, at):
    """The first word of a user's row, created if missing; updates the times they were seen."""
    key = user_key(layout, user)
    row = find(store, key)
    if row == MISSING:
        row = _new_row(store, layout, layout.numbers[NUMBERS_USER_SCOPE], key, layout.new_user)
    _see(store.words, row, at)
    return row


@compiled
def item_row(store, layout, item, at):
    """The first word of an item's row, created and numbered if missing.

    Updates the times when the item was first and last seen.
    """
    key = item_key(layout, item)
    row = find(store, key)
    if row == MISSING:
        row = _new_row(store, layout, layout.numbers[NUMBERS_ITEM_SCOPE], key, layout.new_item)
        number = store.header[HEADER_ITEMS] + 1
        store.header[HEADER_ITEMS] = number
        store.ints[row + ITEM_NUMBER] = number
        store.directory[number] = row
    words = store.words
    if not words[row + ITEM_FIRST_SEEN] <= at:
        words[row + ITEM_FIRST_SEEN] = at
    _see(words, row, at)
    return row


@compiled
def set_fields(store, stamps, row, at, changes):
    """Set fields of a row to the values of an event at ``at``, unless a later event set them.

    ``stamps`` int64[words] holds, for each word, the word with the time of the event that set its
    field; ``changes`` is a ``FieldChanges``. A field's words are set together or not at all: they
    share a stamp, which is set to ``at``.
    """
    words, bits = store.words, store.bits
    begin, end, set_word, set_value = changes
    for change in range(begin, end):
        stamp = row + stamps[set_word[change]]
        if not words[stamp] > at:
            words[stamp] = at
            bits[row + set_word[change]] = set_value[change]


@compiled
def set_item_state(store, layout, row, state, at):
    """Update the latest start, end or announcement; the order of arrival does not matter."""
    words = store.words
    if state == STATE_STARTED:
        words[row + ITEM_STARTS] += 1.0
        if not words[row + ITEM_STARTED] >= at:
            words[row + ITEM_STARTED] = at
    elif state == STATE_ENDED and not words[row + ITEM_ENDED] >= at:
        words[row + ITEM_ENDED] = at
    elif state == STATE_SCHEDULED and not words[row + ITEM_SCHEDULED] >= at:
        words[row + ITEM_SCHEDULED] = at
    _count_life(store, layout, row)
    _keep_latest(store, layout, row, at)


@compiled
def is_over(words, row):
    """Whether an item ended and has neither started nor been announced again since."""
    ended = words[row + ITEM_ENDED]
    return (
        not np.isnan(ended)
        and not words[row + ITEM_STARTED] > ended
        and not words[row + ITEM_SCHEDULED] > ended
    )


@compiled
def _new_row(store, layout, table, key, template):
    """Create a row from the template of an entity without known fields."""
    width = shape_of(layout, table, SHAPE_WIDTH)
    row = add(store, table, key, width)
    for word in range(1, width):
        store.words[row + word] = template[word]
    return row


@compiled
def _see(words, row, at):
    if not words[row + ENTITY_LAST_SEEN] >= at:
        words[row + ENTITY_LAST_SEEN] = at


@compiled
def _count_life(store, layout, row):
    """Replace the item's contribution to the lifetime totals of its host and of all items.

    Milliseconds are whole numbers, so subtracting the old contribution is exact.
    """
    words = store.words
    bits = store.bits
    life_ms = words[row + ITEM_ENDED] - words[row + ITEM_STARTED]
    if life_ms < 0.0:  # it has started again
        life_ms = np.nan
    host = layout.numbers[NUMBERS_LIFE_FIELD]
    key = bits[row + host] if host >= 0 else np.uint64(0)
    before_ms, key_before = words[row + ITEM_LIFE_MS], bits[row + ITEM_LIFE_HOST]
    if (life_ms == before_ms or (np.isnan(life_ms) and np.isnan(before_ms))) and key == key_before:
        return
    if not np.isnan(before_ms):
        _add_life(store, layout, key_before, -1.0, -before_ms, words[row + ITEM_ENDED])
    if not np.isnan(life_ms):
        _add_life(store, layout, key, 1.0, life_ms, words[row + ITEM_ENDED])
    words[row + ITEM_LIFE_MS], bits[row + ITEM_LIFE_HOST] = life_ms, key


@compiled
def _keep_latest(store, layout, row, at):
    """Copy an item's fields to its host's row unless a later-started item of the host is there.

    Of two items with the same start, the one with the greater key wins, in any order of arrival.
    """
    words, bits, copies = store.words, store.bits, layout.copies
    started = words[row + ITEM_STARTED]
    if layout.numbers[NUMBERS_COPIED_FIELDS] == 0 or np.isnan(started):
        return
    host = bits[row + layout.numbers[NUMBERS_LIFE_FIELD]]
    if host == np.uint64(0):
        return
    of_host = find_or_add(store, layout, layout.numbers[NUMBERS_LIFE_SCOPE], host, ONE)
    started = max(started, 1.0)  # 0 means none
    kept = words[of_host + LATEST_AT]
    if kept > started or (kept == started and bits[of_host + LATEST_KEY] > bits[row + ROW_KEY]):
        return
    words[of_host + LATEST_AT], bits[of_host + LATEST_KEY] = started, bits[row + ROW_KEY]
    words[of_host + LIFE_UPDATED] = max(words[of_host + LIFE_UPDATED], at)
    for field in range(layout.numbers[NUMBERS_COPIED_FIELDS]):
        first, count, target = copies[3 * field], copies[3 * field + 1], copies[3 * field + 2]
        for word in range(count):
            bits[of_host + target + word] = bits[row + first + word]


@compiled
def _add_life(store, layout, host, lives, total_ms, at):
    words = store.words
    for scope, part in ((_ALL_SCOPE, ONE), (layout.numbers[NUMBERS_LIFE_SCOPE], host)):
        if scope >= 0 and part != np.uint64(0):
            row = find_or_add(store, layout, scope, part, ONE)
            if lives < 0.0 and words[row + LIFE_COUNT] < 1.0:
                continue  # the row with the old contribution was evicted
            words[row + LIFE_COUNT] += lives
            words[row + LIFE_MS] += total_ms
            words[row + LIFE_UPDATED] = max(words[row + LIFE_UPDATED], at)
