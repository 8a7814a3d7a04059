"""Kernels that fold events into the row store.

Invariant: counts are sums of weights decayed from each event's own time, so late and out-of-order
events give the same counters as ordered ones, to rounding. The one exception is what people go on
to: a late event is paired with what the person's latest items are by then.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.places import (
    IMPRESSION,
    NEW_ITEM,
    NEW_USER,
    NUMBERS,
    PARTS,
    POSITIVE,
    RANKINGS_ARE_SEEN,
    RATE_COUNTS,
    RATES,
    RECENT,
    SLOT_COLUMNS,
    WIDEST,
    WIDTHS,
)
from liverank.features.kernels.rows import find, find_or_add, row_key
from liverank.features.layout import (
    ENDED,
    FIRST_SEEN,
    PART_FIELD,
    PART_ITEM,
    PART_LIST,
    PART_USER,
    STARTED,
    USER,
)
from liverank.features.stream import (
    INTERACTION_EVENT,
    ITEM_EVENT,
    RANKING_EVENT,
    STATE_ENDED,
    STATE_STARTED,
    USER_EVENT,
)

USER_TABLE = np.int64(1_000_001)
ITEM_TABLE = np.int64(1_000_002)
"""Tables of entity rows; those of counters are numbered by their scope."""


@compiled
def fold(stream, begin, end, store, layout):
    """Fold events ``begin`` to ``end`` of a stream; returns the first that did not fit.

    ``stream`` is the tuple of ``Stream``'s arrays from ``kind`` on, ``store`` (keys, places, words,
    used), ``layout`` the tuple of ``LayoutArrays``.
    """
    kind, state, at, user, item, type_, also, set_offsets, set_word, set_value, starts, items = (
        stream
    )
    _keys, _places, _words, _used = store
    impression = layout[NUMBERS][IMPRESSION]
    rankings_are_seen = layout[NUMBERS][RANKINGS_ARE_SEEN] == 1
    for event in range(begin, end):
        if not has_room(store, layout, starts[event + 1] - starts[event]):
            return event
        what = kind[event]
        if what == INTERACTION_EVENT:
            if type_[event] >= 0:
                fold_interaction(store, layout, user[event], item[event], type_[event], at[event])
            if also[event] >= 0:
                fold_interaction(store, layout, user[event], item[event], also[event], at[event])
        elif what == RANKING_EVENT:
            if rankings_are_seen and impression >= 0:
                for place in range(starts[event], starts[event + 1]):
                    fold_interaction(
                        store, layout, user[event], items[place], impression, at[event]
                    )
        elif what == ITEM_EVENT:
            row = item_row(store, layout, item[event], at[event])
            _set_words(store, row, set_offsets[event], set_offsets[event + 1], set_word, set_value)
            _set_state(store, row, state[event], at[event])
        elif what == USER_EVENT:
            row = user_row(store, layout, user[event], at[event])
            _set_words(store, row, set_offsets[event], set_offsets[event + 1], set_word, set_value)
    return end


@compiled
def has_room(store, layout, ranking_items):
    """Whether one more event, a ranking of so many items, surely fits."""
    keys, _places, words, used = store
    rows, row_words = most_added(layout, ranking_items)
    return used[0] + rows < keys.size * 6 // 10 and used[1] + row_words < words.size


@compiled
def most_added(layout, ranking_items):
    """The most rows and words that one event, a ranking of so many items, can add."""
    rows = (ranking_items + 2) * (layout[NUMBERS][SLOT_COLUMNS] + layout[NUMBERS][RECENT] + 2)
    return rows, rows * layout[NUMBERS][WIDEST]


@compiled
def fold_interaction(store, layout, user, item, type_, at):
    """Count one interaction in every scope."""
    keys, places, words, used = store
    parts, widths = layout[PARTS], layout[WIDTHS]
    rates, rate_counts = layout[RATES], layout[RATE_COUNTS]
    bits = words.view(np.uint64)
    of_user = user_row(store, layout, user, at)
    of_item = item_row(store, layout, item, at)
    scopes = widths.size - 1  # the last one, of what people go on to, has its own rule
    for scope in range(scopes):
        block = 1 + rate_counts[scope]
        first, _ = part_of(parts[scope, 0], user, item, of_user, of_item, bits)
        how = parts[scope, 1, 0]
        if first == np.uint64(0):
            continue
        list_part = 0 if parts[scope, 0, 0] == PART_LIST else 1 if how == PART_LIST else -1
        if list_part < 0:
            second, _ = part_of(parts[scope, 1], user, item, of_user, of_item, bits)
            if second == np.uint64(0):
                continue
            row = find_or_add(
                keys, places, words, used, row_key(scope, first, second), widths[scope], block
            )
            _count(words, row + type_ * block, at, rates[scope], rate_counts[scope])
        else:
            offset = of_item + parts[scope, list_part, 2]
            elements = words[offset]
            if not elements > 0:
                continue
            for element in range(np.int64(elements)):
                value = bits[offset + 1 + element]
                if list_part == 0:
                    key = row_key(scope, value, np.uint64(1))
                else:
                    key = row_key(scope, first, value)
                row = find_or_add(keys, places, words, used, key, widths[scope], block)
                _count(words, row + type_ * block, at, rates[scope], rate_counts[scope])
    if layout[POSITIVE][type_]:
        _go_on(store, layout, of_user, item, type_, at)


@compiled
def part_of(part, user, item, of_user, of_item, bits):
    """One part of a scope's key: (hash, whether it is a list). 0 is unknown; no part is 1.

    For a list the hash is a stand-in, and the caller goes through the elements.
    """
    how = part[0]
    if how == PART_USER:
        return user, False
    if how == PART_ITEM:
        return item, False
    if how == PART_FIELD:
        row = of_user if part[1] == USER else of_item
        if row < 0:
            return np.uint64(0), False
        return bits[row + part[2]], False
    return np.uint64(1), how == PART_LIST


@compiled
def user_row(store, layout, user, at):
    """The first word of a user's row, made where it is missing."""
    return _entity_row(store, layout[NEW_USER], USER_TABLE, user, at)


@compiled
def item_row(store, layout, item, at):
    """The first word of an item's row, made where it is missing."""
    return _entity_row(store, layout[NEW_ITEM], ITEM_TABLE, item, at)


@compiled
def _entity_row(store, new, table, entity, at):
    keys, places, words, used = store
    key = row_key(table, entity, np.uint64(0))
    row = find(keys, places, key)
    if row < 0:
        row = find_or_add(keys, places, words, used, key, new.size, 0)
        words[row : row + new.size] = new
    if not words[row + FIRST_SEEN] <= at:
        words[row + FIRST_SEEN] = at
    return row


@compiled
def _set_words(store, row, begin, end, set_word, set_value):
    bits = store[2].view(np.uint64)
    for place in range(begin, end):
        bits[row + set_word[place]] = set_value[place]


@compiled
def _set_state(store, row, state, at):
    """Keep the last start and the last end, so that order of arrival does not matter."""
    words = store[2]
    if state == STATE_STARTED and not words[row + STARTED] >= at:
        words[row + STARTED] = at
    if state == STATE_ENDED and not words[row + ENDED] >= at:
        words[row + ENDED] = at


@compiled
def _count(words, block, at, rates, rate_count):
    """Add one to a block's decayed counts: ``c(t) = sum of exp(-rate * (t - t_i))``.

    The counts stand as of the block's last time, which is the latest ``t_i``.
    """
    last = words[block]
    if last >= at:
        for which in range(rate_count):
            words[block + 1 + which] += np.exp(-rates[which] * (last - at))
    else:
        if last < at:  # false for NaN: the first event of its type
            for which in range(rate_count):
                words[block + 1 + which] *= np.exp(-rates[which] * (at - last))
        for which in range(rate_count):
            words[block + 1 + which] += 1.0
        words[block] = at


@compiled
def _go_on(store, layout, of_user, item, type_, at):
    """Count (earlier item, later item) for the person's recent items, then remember this one.

    The ring holds (item, time) pairs; the oldest gives way.
    """
    keys, places, words, used = store
    bits = words.view(np.uint64)
    scope = layout[WIDTHS].size - 1
    width = layout[WIDTHS][scope]
    rates = layout[RATES][scope]
    rate_count = layout[RATE_COUNTS][scope]
    block = 1 + rate_count
    ring = of_user + layout[NEW_USER].size - 2 * layout[NUMBERS][RECENT]
    oldest = 0
    same = -1
    for recent in range(layout[NUMBERS][RECENT]):
        other = bits[ring + 2 * recent]
        when = words[ring + 2 * recent + 1]
        if when < words[ring + 2 * oldest + 1]:
            oldest = recent
        if other == item:
            same = recent
        elif other != np.uint64(0):
            earlier, later = (other, item) if when <= at else (item, other)
            key = row_key(scope, earlier, later)
            row = find_or_add(keys, places, words, used, key, width, block)
            _count(words, row + type_ * block, max(at, when), rates, rate_count)
    slot = oldest if same < 0 else same
    if words[ring + 2 * slot + 1] < at:
        bits[ring + 2 * slot] = item
        words[ring + 2 * slot + 1] = at
