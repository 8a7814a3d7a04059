"""Kernels that read features from the row store at a time.

Reading changes nothing, and a row's features do not depend on the rows beside it, except for the
rank and gap within the list. Invariant: training and serving call this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.fold import ITEM_TABLE, USER_TABLE, part_of
from liverank.features.kernels.lists import gap_in_list, rank_in_list
from liverank.features.kernels.rows import MISSING, UNKNOWN, find, row_key
from liverank.features.layout import (
    FIRST_SEEN,
    ITEM,
    MAX_ELEMENTS,
    PART_LIST,
    RECENT_ITEMS,
    REQUEST,
    STARTED,
)

COUNT, RATE, AGO, MOMENTUM, SHARE = op.COUNT, op.RATE, op.AGO, op.MOMENTUM, op.SHARE
FIELD, LEVEL, SAME, AGE, HOUR = op.FIELD, op.LEVEL, op.SAME, op.AGE, op.HOUR
WEEKDAY, POSITION, CANDIDATES, GO_ON = op.WEEKDAY, op.POSITION, op.CANDIDATES, op.GO_ON
RANK, GAP = op.RANK, op.GAP
SUM, MAX, MEAN, FIRST, MIN = op.SUM, op.MAX, op.MEAN, op.FIRST, op.MIN

_MS_PER_HOUR = 3_600_000.0
_ITEM_SCOPE = 2  # after "all" and "user"


@compiled
def read(store, layout, program, user, at, request, items, positions, out):
    """Read the features of one request's candidates.

    ``user`` uint64, ``at`` float64 Unix ms, ``request`` uint64[request words], ``items``
    uint64[n], ``positions`` float64[n] (or [1], the same for all), ``out`` float32[n, features]
    is filled.
    """
    code, constants, levels, outputs, _scopes = program
    n = items.size
    if n == 0:
        return
    slots = np.empty((layout[4][6], n), np.int64)
    of_items = np.empty(n, np.int64)
    of_user, recent_rows = _resolve(store, layout, program, user, items, of_items, slots)
    registers = np.empty((len(code), n))
    for place in range(len(code)):
        count = 1 if code[place, 1] == 1 else n
        values = registers[place]
        _run(
            store,
            layout,
            code[place],
            constants[place],
            levels,
            (at, request, positions, n),
            of_user,
            of_items,
            recent_rows,
            slots,
            registers,
            values,
            count,
        )
        if count < n:
            values[:] = values[0]
    for feature in range(outputs.size):
        values = registers[outputs[feature]]
        for row in range(n):
            out[row, feature] = np.float32(values[row])


@compiled
def _resolve(store, layout, program, user, items, of_items, slots):
    """Find the rows that the program reads: one place per slot column and candidate."""
    keys, places, words, _used = store
    bits = words.view(np.uint64)
    parts, slot_columns = layout[0], layout[8]
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
    ring = of_user + layout[6].size - 2 * RECENT_ITEMS
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


@compiled
def _run(
    store,
    layout,
    code,
    constants,
    levels,
    request,
    of_user,
    of_items,
    recent_rows,
    slots,
    registers,
    values,
    count,
):
    """Run one instruction for the first ``count`` candidates, into ``values``."""
    words = store[2]
    bits = words.view(np.uint64)
    at, request_bits, positions, n = request
    what = code[0]
    if what in (COUNT, RATE, AGO, GO_ON):
        column, columns = layout[8][code[2], 0], layout[8][code[2], 1]
        for row in range(count):
            prior = registers[code[7], row] if what == RATE and code[7] >= 0 else 0.0
            if what == RATE and constants[2] == 1.0 and slots[column, row] == UNKNOWN:
                values[row] = prior
                continue
            total, best, least, seen, first = 0.0, -np.inf, np.inf, 0, np.nan
            for element in range(columns):
                place = slots[column + element, row]
                if place == UNKNOWN:
                    break
                if what == COUNT:
                    value = _count_at(words, place, code[3], code[4], constants[0], at)
                elif what == RATE:
                    value = _rate_at(words, place, code, constants, prior, at)
                elif what == AGO:
                    value = _seconds_since(words, place, code[3], at)
                else:
                    value = _go_on_at(words, place, recent_rows[element], code, constants, at)
                if seen == 0:
                    first = value
                seen += 1
                if not np.isnan(value):
                    total += value
                    best = max(best, value)
                    least = min(least, value)
            values[row] = _combine(code[5], total, best, least, seen, first)
    elif what == MOMENTUM:
        for row in range(count):
            short = registers[code[2], row] * constants[0]
            long = registers[code[3], row] * constants[1]
            values[row] = np.log2((short + constants[1]) / (long + constants[1]))
    elif what == SHARE:
        for row in range(count):
            values[row] = registers[code[2], row] / (registers[code[3], row] + constants[0])
    elif what == FIELD:
        for row in range(count):
            source, base = _field_source(bits, request_bits, code[2], of_user, of_items[row])
            values[row] = np.nan
            if base >= 0:
                values[row] = source[base + code[3] : base + code[3] + 1].view(np.float64)[0]
            if code[4]:
                values[row] = (at - values[row]) / 1000.0
    elif what == LEVEL:
        for row in range(count):
            source, base = _field_source(bits, request_bits, code[2], of_user, of_items[row])
            values[row] = np.nan
            if base >= 0 and source[base + code[3]] != np.uint64(0):
                for level in range(code[4], code[5]):
                    if levels[level] == source[base + code[3]]:
                        values[row] = level - code[4]
    elif what == SAME:
        for row in range(count):
            left, left_base = _field_source(bits, request_bits, code[2], of_user, of_items[row])
            right, right_base = _field_source(bits, request_bits, code[5], of_user, of_items[row])
            values[row] = (
                _shared(left, left_base + code[3], code[4], right, right_base + code[6], code[7])
                if left_base >= 0 and right_base >= 0
                else np.nan
            )
    elif what == AGE:
        for row in range(count):
            values[row] = np.nan
            if of_items[row] >= 0:
                since = words[of_items[row] + STARTED]
                if code[2] == FIRST_SEEN or np.isnan(since):
                    since = words[of_items[row] + FIRST_SEEN]
                values[row] = max(at - since, 0.0) / 1000.0
    elif what == HOUR:
        values[:count] = at / _MS_PER_HOUR % 24.0
    elif what == WEEKDAY:
        values[:count] = (at // (24.0 * _MS_PER_HOUR) + 3.0) % 7.0  # 1970-01-01 was a Thursday
    elif what == POSITION:
        for row in range(count):
            values[row] = positions[row % positions.size]
    elif what == CANDIDATES:
        values[:count] = n
    elif what == RANK:
        rank_in_list(registers[code[2]], values)
    elif what == GAP:
        gap_in_list(registers[code[2]], values)


@compiled
def _combine(how, total, best, least, seen, first):
    if seen == 0:
        return np.nan
    if how == SUM:
        return total
    if how == MAX:
        return best if best > -np.inf else np.nan
    if how == MEAN:
        return total / seen
    if how == FIRST:
        return first
    return least if least < np.inf else np.nan


@compiled
def _count_at(words, row, block, which, rate, at):
    """A decayed count, as of ``at``."""
    if row < 0 or np.isnan(words[row + block]):
        return 0.0
    since = at - words[row + block]
    count = words[row + block + 1 + which]
    return count * np.exp(-rate * since) if since > 0 else count


@compiled
def _rate_at(words, row, code, constants, prior, at):
    """A rate that falls back to the prior where there is little evidence.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials.
    """
    count = _count_at(words, row, code[3], code[4], constants[0], at)
    trials = _count_at(words, row, code[6], code[4], constants[0], at)
    return (count + constants[1] * prior) / (trials + constants[1])


@compiled
def _seconds_since(words, row, block, at):
    return max(at - words[row + block], 0.0) / 1000.0 if row >= 0 else np.nan


@compiled
def _go_on_at(words, row, recent_row, code, constants, at):
    """The share of those who engaged with a recent item and went on to this one."""
    count = _count_at(words, row, code[3], code[4], constants[0], at)
    total = _count_at(words, recent_row, code[6], code[7], constants[1], at)
    return count / (total + constants[2])


@compiled
def _field_source(bits, request_bits, entity, of_user, of_item):
    """Where an entity's words are: the array, and the first word or a negative number."""
    if entity == REQUEST:
        return request_bits, np.int64(0)
    if entity == ITEM:
        return bits, of_item
    return bits, of_user


@compiled
def _shared(left, left_word, left_list, right, right_word, right_list):
    """How many values two fields have in common; NaN where one is unknown."""
    left_count = np.int64(1)
    right_count = np.int64(1)
    if left_list:
        known = left[left_word : left_word + 1].view(np.float64)[0]
        left_count = np.int64(known) if known > 0 else np.int64(0)
        left_word += 1
    if right_list:
        known = right[right_word : right_word + 1].view(np.float64)[0]
        right_count = np.int64(known) if known > 0 else np.int64(0)
        right_word += 1
    shared, known_left, known_right = 0, False, False
    for i in range(left_count):
        for j in range(right_count):
            known_left |= left[left_word + i] != np.uint64(0)
            known_right |= right[right_word + j] != np.uint64(0)
            if left[left_word + i] == right[right_word + j] and left[left_word + i] != np.uint64(0):
                shared += 1
    return float(shared) if known_left and known_right else np.nan
