"""Kernels that find the rows a program reads: one place per slot column and candidate."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold import ITEM_TABLE, USER_TABLE, part_of
from liverank.features.kernels.places import NEW_USER, PARTS, SLOTS
from liverank.features.kernels.rows import MISSING, UNKNOWN, find, row_key
from liverank.features.layout import MAX_ELEMENTS, PART_LIST, RECENT_ITEMS

_ITEM_SCOPE = 2  # after "all" and "user"


@compiled
def resolve(store, layout, program, user, items, of_items, slots):
    """Find the rows that the program reads: one place per slot column and candidate."""
    keys, places, words, _used = store
    bits = words.view(np.uint64)
    parts, slot_columns = layout[PARTS], layout[SLOTS]
    of_user = find(keys, places, row_key(USER_TABLE, user, np.uint64(0)))
    for row in range(items.size):
        of_items[row] = find(keys, places, row_key(ITEM_TABLE, items[row], np.uint64(0)))
    recent, recent_rows = _recent_items(store, layout, of_user)
    scopes = slot_columns.shape[0]
    for scope in range(scopes - 1):
        if not program[4][scope]:
            continue
        column = slot_columns[scope, 0]
        first_list = parts[scope, 0, 0] == PART_LIST
        is_list = first_list or parts[scope, 1, 0] == PART_LIST
        for row in range(items.size):
            first, _ = part_of(parts[scope, 0], user, items[row], of_user, of_items[row], bits)
            if not is_list:
                second, _ = part_of(parts[scope, 1], user, items[row], of_user, of_items[row], bits)
                slots[column, row] = (
                    find(keys, places, row_key(scope, first, second))
                    if first != np.uint64(0) and second != np.uint64(0)
                    else UNKNOWN
                )
                continue
            offset = parts[scope, 0 if first_list else 1, 2]
            elements = np.int64(0)
            if of_items[row] >= 0 and first != np.uint64(0) and words[of_items[row] + offset] > 0:
                elements = np.int64(words[of_items[row] + offset])
            for element in range(MAX_ELEMENTS):
                place = UNKNOWN
                if element < elements:
                    value = bits[of_items[row] + offset + 1 + element]
                    if first_list:
                        key = row_key(scope, value, np.uint64(1))
                    else:
                        key = row_key(scope, first, value)
                    place = find(keys, places, key)
                slots[column + element, row] = place
    scope = scopes - 1
    if program[4][scope]:
        column = slot_columns[scope, 0]
        for element in range(RECENT_ITEMS):
            for row in range(items.size):
                slots[column + element, row] = (
                    find(keys, places, row_key(scope, recent[element], items[row]))
                    if recent[element] != np.uint64(0)
                    else UNKNOWN
                )
    return of_user, recent_rows


@compiled
def _recent_items(store, layout, of_user):
    """The items a person engaged with, the latest first, and their rows in the item scope."""
    keys, places, words, _used = store
    bits = words.view(np.uint64)
    recent = np.zeros(RECENT_ITEMS, np.uint64)
    times = np.zeros(RECENT_ITEMS)
    rows = np.full(RECENT_ITEMS, MISSING)
    if of_user < 0:
        return recent, rows
    ring = of_user + layout[NEW_USER].size - 2 * RECENT_ITEMS
    for place in range(RECENT_ITEMS):
        item, when = bits[ring + 2 * place], words[ring + 2 * place + 1]
        if item == np.uint64(0):
            continue
        slot = place
        while slot > 0 and (times[slot - 1] < when or recent[slot - 1] == np.uint64(0)):
            recent[slot], times[slot] = recent[slot - 1], times[slot - 1]
            slot -= 1
        recent[slot], times[slot] = item, when
    for place in range(RECENT_ITEMS):
        if recent[place] != np.uint64(0):
            rows[place] = find(keys, places, row_key(_ITEM_SCOPE, recent[place], np.uint64(1)))
    return recent, rows
