"""Kernels that fold events into state.

Invariant: counters are sums of weights decayed from each event's own time, so late and out-of-order
events give the same as ordered ones, to rounding; a field is what the latest event that told of it
said. Four things do depend on the order of arrival: which scopes an interaction counts in (as the
item's fields were known by then), the peak of an audience, what people go on to, and a host's
latest item where items change their hosts.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.capacity import make_room
from liverank.features.kernels.fold.decayed_counters import count, weigh
from liverank.features.kernels.fold.entities import (
    ONE,
    item_key,
    item_row,
    set_fields,
    set_item_state,
    user_key,
    user_row,
)
from liverank.features.kernels.fold.eviction import sweep
from liverank.features.kernels.fold.history import packed, remember
from liverank.features.kernels.fold.next_items import go_on
from liverank.features.kernels.fold.presence import move, set_edge
from liverank.features.kernels.memory.heartbeat import go_on_waiting
from liverank.features.kernels.memory.index import LINE, find_or_add, home_of, place_in
from liverank.features.kernels.memory.offsets import (
    BITS,
    CHUNK,
    ENTER,
    HALF_LIVES,
    HEADER,
    HOW_1,
    IMPRESSION,
    INDEX,
    INTS,
    ITEM_SCOPE,
    ITEM_STAMPS,
    LABEL,
    LEAVE,
    LIST_PART,
    LOST,
    NEXT_SCOPE,
    NO_PART,
    NUMBERS,
    OFFSET_1,
    PART_ITEM,
    PART_USER,
    PART_USER_FIELD,
    RANKINGS_ARE_SEEN,
    USED,
    USER_SCOPE,
    USER_STAMPS,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.pointers import layout_pointers, prefetch, store_pointers
from liverank.features.kernels.memory.shapes import block_of, shape_of
from liverank.features.layout.layout import HISTORY, ITEM_TOLD, MAX_ELEMENTS, NUMBER, USER_TOLD
from liverank.features.stream.event_arrays import (
    EDGE_EVENT,
    INTERACTION_EVENT,
    ITEM_EVENT,
    RANKING_EVENT,
    USER_EVENT,
)

_AHEAD = 4
"""Events between asking for the memory of one, what that memory points to, and so on."""


@compiled
def fold(stream, begin, end, store_arrays, layout_arrays):
    """Fold events ``begin`` to ``end`` of a stream.

    ``stream`` is the tuple of ``Stream``'s arrays from ``kind`` on, ``store_arrays`` and
    ``layout_arrays`` are tuples of a ``Store``'s and a layout's.
    """
    fold_events(stream, begin, end, store_pointers(store_arrays), layout_pointers(layout_arrays))


@compiled
def fold_events(stream, begin, end, store, layout):
    """Fold events; one that no room can be made for is counted as lost."""
    kind, state, at, user, item, type_, also, value, relation = stream[:9]
    set_offsets, set_word, set_value, starts, items = stream[9:]
    header = store[HEADER]
    numbers = layout[NUMBERS]
    weights = np.empty(numbers[HALF_LIVES])
    for event in range(begin, end):
        _look_ahead(store, layout, stream, event, end)
        when, who = at[event], user[event]
        sweep(store, layout, when)
        go_on_waiting(store, event - begin)
        if not make_room(store, layout, starts[event + 1] - starts[event]):
            header[LOST] += 1
            continue
        what = kind[event]
        if what == INTERACTION_EVENT:
            weigh(layout, when, weights)
            for counted in (type_[event], also[event]):
                if counted >= 0:
                    of_type = np.int64(counted)
                    fold_interaction(
                        store, layout, who, item[event], of_type, when, value[event], weights
                    )
        elif what == RANKING_EVENT:
            shown = numbers[IMPRESSION]
            if numbers[RANKINGS_ARE_SEEN] == 1 and shown >= 0:
                weigh(layout, when, weights)
                for place in range(starts[event], starts[event + 1]):
                    fold_interaction(store, layout, who, items[place], shown, when, np.nan, weights)
        elif what == EDGE_EVENT:
            row = user_row(store, layout, who, when)
            set_edge(store, row, item[event], relation[event], state[event] == 1, when)
        elif what == ITEM_EVENT:
            row = item_row(store, layout, item[event], when)
            store[WORDS][row + ITEM_TOLD] = 1.0
            first, stop = set_offsets[event], set_offsets[event + 1]
            set_fields(store, layout[ITEM_STAMPS], row, when, first, stop, set_word, set_value)
            set_item_state(store, layout, row, state[event], when)
        elif what == USER_EVENT:
            row = user_row(store, layout, who, when)
            store[WORDS][row + USER_TOLD] = 1.0
            first, stop = set_offsets[event], set_offsets[event + 1]
            set_fields(store, layout[USER_STAMPS], row, when, first, stop, set_word, set_value)


@compiled
def fold_interaction(store, layout, user, item, type_, at, value, weights):
    """Count one interaction in every table scope, and remember it of the person."""
    words, numbers = store[WORDS], layout[NUMBERS]
    of_user = user_row(store, layout, user, at)
    of_item = item_row(store, layout, item, at)
    for scope in range(numbers[NEXT_SCOPE]):
        if block_of(layout, scope, type_) < 0:
            continue
        if scope == numbers[USER_SCOPE]:
            count(store, layout, scope, of_user, type_, at, weights, value)
        elif scope == numbers[ITEM_SCOPE]:
            count(store, layout, scope, of_item, type_, at, weights, value)
        elif shape_of(layout, scope, LIST_PART) < 0:
            first = part_of(store, layout, scope, 0, user, item, of_user, of_item)
            second = part_of(store, layout, scope, 1, user, item, of_user, of_item)
            if first != np.uint64(0) and second != np.uint64(0):
                row = find_or_add(store, layout, scope, first, second)
                count(store, layout, scope, row, type_, at, weights, value)
        else:  # (item.topics): a row for each element
            elements = of_item + shape_of(layout, scope, OFFSET_1)
            for element in range(list_size(words, elements)):
                first = store[BITS][elements + 1 + element]
                row = find_or_add(store, layout, scope, first, ONE)
                count(store, layout, scope, row, type_, at, weights, value)
    if type_ == numbers[LABEL]:
        go_on(store, layout, of_user, of_item, at, weights)
    number = store[INTS][of_item + NUMBER]
    remember(store, layout, of_user, packed(at, type_, value), number)
    if type_ == numbers[ENTER] or type_ == numbers[LEAVE]:
        move(store, layout, of_user, at)


@compiled
def _look_ahead(store, layout, stream, event, end):
    """Ask for the memory that later interactions will touch: where rows are, rows, histories."""
    kind, user, item = stream[0], stream[3], stream[4]
    index, words = store[INDEX], store[WORDS]
    far = event + 3 * _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        prefetch(index, home_of(store, user_key(layout, user[far])))
        prefetch(index, home_of(store, item_key(layout, item[far])))
    far = event + 2 * _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        row = place_in(index[home_of(store, user_key(layout, user[far]))])
        for word in range(0, shape_of(layout, layout[NUMBERS][USER_SCOPE], WIDTH), LINE):
            prefetch(words, row + word)
        row = place_in(index[home_of(store, item_key(layout, item[far]))])
        for word in range(0, shape_of(layout, layout[NUMBERS][ITEM_SCOPE], WIDTH), LINE):
            prefetch(words, row + word)
    far = event + _AHEAD
    if far < end and kind[far] == INTERACTION_EVENT:
        row = place_in(index[home_of(store, user_key(layout, user[far]))])
        if row + HISTORY < store[HEADER][USED]:  # the row of another kind may be there
            chunk = store[INTS][row + HISTORY]
            for word in range(0, CHUNK, LINE):
                prefetch(words, chunk + word)


@compiled
def part_of(store, layout, scope, which, user, item, of_user, of_item):
    """One part of a scope's key, as a hash; 0 is unknown, and a part it does not have is 1."""
    how = shape_of(layout, scope, HOW_1 + 2 * which)
    offset = shape_of(layout, scope, OFFSET_1 + 2 * which)
    if how == NO_PART:
        return ONE
    if how == PART_USER:
        return user
    if how == PART_ITEM:
        return item
    if how == PART_USER_FIELD:
        return store[BITS][of_user + offset]
    return store[BITS][of_item + offset]


@compiled
def list_size(words, place):
    """Elements of a list field whose first word is at ``place``; none where it is unknown."""
    known = words[place]
    return np.int64(min(known, float(MAX_ELEMENTS))) if known > 0 else np.int64(0)
