"""Kernels that fold events into state.

Invariant: counters are sums of weights decayed from each event's own time, so late and out-of-order
events give the same result as ordered ones, up to rounding; a field has the value of the latest
event that set it. Four things depend on the order of arrival: the scopes in which an interaction
counts (by the item's fields at that point of the log), the peak of an audience, the counts of next
items, and a host's latest item where items change their hosts.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.capacity import ensure_capacity
from liverank.features.kernels.fold.decayed_counters import Interaction, count, weigh
from liverank.features.kernels.fold.entities import (
    ONE,
    FieldChanges,
    item_key,
    item_row,
    set_fields,
    set_item_state,
    user_key,
    user_row,
)
from liverank.features.kernels.fold.eviction import sweep
from liverank.features.kernels.fold.history import packed, remember
from liverank.features.kernels.fold.next_items import count_next
from liverank.features.kernels.fold.presence import move, set_edge
from liverank.features.kernels.memory.heartbeat import show_progress
from liverank.features.kernels.memory.index import LINE, find_or_add, home_of, offset_in
from liverank.features.kernels.memory.offsets import (
    CHUNK,
    HEADER_LOST,
    HEADER_USED,
    NUMBERS_ENTER,
    NUMBERS_HALF_LIVES,
    NUMBERS_IMPRESSION,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_LABEL,
    NUMBERS_LEAVE,
    NUMBERS_NEXT_SCOPE,
    NUMBERS_RANKINGS_ARE_SEEN,
    NUMBERS_USER_SCOPE,
    PART_ITEM,
    PART_NONE,
    PART_USER,
    PART_USER_FIELD,
    SHAPE_HOW_1,
    SHAPE_LIST_PART,
    SHAPE_OFFSET_1,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import layout_pointers, prefetch, store_pointers
from liverank.features.kernels.memory.shapes import block_of, shape_of
from liverank.features.layout.constants import (
    ITEM_DESCRIBED,
    ITEM_NUMBER,
    MAX_ELEMENTS,
    USER_DESCRIBED,
    USER_HISTORY,
)
from liverank.features.stream.event_codes import (
    EDGE_EVENT,
    INTERACTION_EVENT,
    ITEM_EVENT,
    RANKING_EVENT,
    USER_EVENT,
)

_AHEAD = 4
"""Number of events between the prefetches of an event's index slots, rows and history."""


class Ends(NamedTuple):
    """The two ends of an interaction: hashes uint64, and the first words of their rows, int64."""

    user: Any
    item: Any
    user_row: Any
    item_row: Any


@compiled
def fold(stream, begin, end, store_arrays, layout_arrays):
    """Fold events ``begin`` to ``end`` of a stream.

    ``stream`` is the tuple of ``Stream``'s arrays from ``kind`` on, ``store_arrays`` and
    ``layout_arrays`` are the tuples of arrays of a ``Store`` and of a layout.
    """
    fold_events(stream, begin, end, store_pointers(store_arrays), layout_pointers(layout_arrays))


@compiled
def fold_events(stream, begin, end, store, layout):
    """Fold events; an event that does not fit, even after evictions, is counted as lost."""
    kind, state, at, user, item, type_, also, value, relation = stream[:9]
    set_offsets, set_word, set_value, starts, items = stream[9:]
    header = store.header
    numbers = layout.numbers
    weights = np.empty(numbers[NUMBERS_HALF_LIVES])
    for event in range(begin, end):
        _look_ahead(store, layout, stream, event, end)
        when, who = at[event], user[event]
        changes = FieldChanges(set_offsets[event], set_offsets[event + 1], set_word, set_value)
        sweep(store, layout, when)
        show_progress(store, event - begin)
        if not ensure_capacity(store, layout, starts[event + 1] - starts[event]):
            header[HEADER_LOST] += 1
            continue
        what = kind[event]
        if what == INTERACTION_EVENT:
            weigh(layout, when, weights)
            for counted in (type_[event], also[event]):
                if counted >= 0:
                    interaction = Interaction(np.int64(counted), when, value[event])
                    fold_interaction(store, layout, who, item[event], interaction, weights)
        elif what == RANKING_EVENT:
            shown = numbers[NUMBERS_IMPRESSION]
            if numbers[NUMBERS_RANKINGS_ARE_SEEN] == 1 and shown >= 0:
                weigh(layout, when, weights)
                interaction = Interaction(shown, when, np.nan)
                for shown_item in range(starts[event], starts[event + 1]):
                    fold_interaction(store, layout, who, items[shown_item], interaction, weights)
        elif what == EDGE_EVENT:
            row = user_row(store, layout, who, when)
            set_edge(store, row, item[event], relation[event], state[event] == 1, when)
        elif what == ITEM_EVENT:
            row = item_row(store, layout, item[event], when)
            store.words[row + ITEM_DESCRIBED] = 1.0
            set_fields(store, layout.item_stamps, row, when, changes)
            set_item_state(store, layout, row, state[event], when)
        elif what == USER_EVENT:
            row = user_row(store, layout, who, when)
            store.words[row + USER_DESCRIBED] = 1.0
            set_fields(store, layout.user_stamps, row, when, changes)


@compiled
def fold_interaction(store, layout, user, item, interaction, weights):
    """Count one interaction in every table scope, and add it to the person's history."""
    type_, at, value = interaction
    words, numbers = store.words, layout.numbers
    of_user = user_row(store, layout, user, at)
    of_item = item_row(store, layout, item, at)
    ends = Ends(user, item, of_user, of_item)
    for scope in range(numbers[NUMBERS_NEXT_SCOPE]):
        if block_of(layout, scope, type_) < 0:
            continue
        if scope == numbers[NUMBERS_USER_SCOPE]:
            count(store, layout, scope, of_user, interaction, weights)
        elif scope == numbers[NUMBERS_ITEM_SCOPE]:
            count(store, layout, scope, of_item, interaction, weights)
        elif shape_of(layout, scope, SHAPE_LIST_PART) < 0:
            first = part_of(store, layout, scope, 0, ends)
            second = part_of(store, layout, scope, 1, ends)
            if first != np.uint64(0) and second != np.uint64(0):
                row = find_or_add(store, layout, scope, first, second)
                count(store, layout, scope, row, interaction, weights)
        else:  # (item.topics): a row for each element
            elements = of_item + shape_of(layout, scope, SHAPE_OFFSET_1)
            for element in range(list_size(words, elements)):
                first = store.bits[elements + 1 + element]
                row = find_or_add(store, layout, scope, first, ONE)
                count(store, layout, scope, row, interaction, weights)
    if type_ == numbers[NUMBERS_LABEL]:
        count_next(store, layout, of_user, of_item, at, weights)
    number = store.ints[of_item + ITEM_NUMBER]
    remember(store, layout, of_user, packed(at, type_, value), number)
    if type_ == numbers[NUMBERS_ENTER] or type_ == numbers[NUMBERS_LEAVE]:
        move(store, layout, of_user, at)


@compiled
def _look_ahead(store, layout, stream, event, end):
    """Prefetch the memory that later interactions will use: index slots, rows, histories."""
    kind, user, item = stream[0], stream[3], stream[4]
    index, words = store.index, store.words
    far = event + 3 * _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        prefetch(index, home_of(store, user_key(layout, user[far])))
        prefetch(index, home_of(store, item_key(layout, item[far])))
    far = event + 2 * _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        row = offset_in(index[home_of(store, user_key(layout, user[far]))])
        for word in range(
            0, shape_of(layout, layout.numbers[NUMBERS_USER_SCOPE], SHAPE_WIDTH), LINE
        ):
            prefetch(words, row + word)
        row = offset_in(index[home_of(store, item_key(layout, item[far]))])
        for word in range(
            0, shape_of(layout, layout.numbers[NUMBERS_ITEM_SCOPE], SHAPE_WIDTH), LINE
        ):
            prefetch(words, row + word)
    far = event + _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        row = offset_in(index[home_of(store, user_key(layout, user[far]))])
        if row + USER_HISTORY < store.header[HEADER_USED]:  # else the row belongs to another scope
            chunk = store.ints[row + USER_HISTORY]
            for word in range(0, CHUNK, LINE):
                prefetch(words, chunk + word)


@compiled
def part_of(store, layout, scope, which, ends):
    """One part of a scope's key (0 or 1), as a hash: 0 if it is unknown, 1 if there is none."""
    how = shape_of(layout, scope, SHAPE_HOW_1 + 2 * which)
    offset = shape_of(layout, scope, SHAPE_OFFSET_1 + 2 * which)
    if how == PART_NONE:
        return ONE
    if how == PART_USER:
        return ends.user
    if how == PART_ITEM:
        return ends.item
    if how == PART_USER_FIELD:
        return store.bits[ends.user_row + offset]
    return store.bits[ends.item_row + offset]


@compiled
def list_size(words, first):
    """Number of elements of a list field whose first word is ``first``; 0 where it is unknown."""
    known = words[first]
    return np.int64(min(known, float(MAX_ELEMENTS))) if known > 0 else np.int64(0)
