"""Kernels that read features from the row store at a time.

Reading changes nothing, and a row's features do not depend on the rows beside it, except for the
rank and gap within the list. Invariant: training and serving call this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.lists import gap_in_list, rank_in_list
from liverank.features.kernels.places import NUMBERS, SLOT_COLUMNS, SLOTS
from liverank.features.kernels.resolve import resolve
from liverank.features.kernels.rows import UNKNOWN
from liverank.features.kernels.values import (
    combine,
    count_at,
    field_source,
    go_on_at,
    rate_at,
    seconds_since,
    shared,
)
from liverank.features.layout import (
    FIRST_SEEN,
    STARTED,
)

COUNT, RATE, AGO, MOMENTUM, SHARE = op.COUNT, op.RATE, op.AGO, op.MOMENTUM, op.SHARE
FIELD, LEVEL, SAME, AGE, HOUR = op.FIELD, op.LEVEL, op.SAME, op.AGE, op.HOUR
WEEKDAY, POSITION, CANDIDATES, GO_ON = op.WEEKDAY, op.POSITION, op.CANDIDATES, op.GO_ON
RANK, GAP = op.RANK, op.GAP

_MS_PER_HOUR = 3_600_000.0


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
    slots = np.empty((layout[NUMBERS][SLOT_COLUMNS], n), np.int64)
    of_items = np.empty(n, np.int64)
    of_user, recent_rows = resolve(store, layout, program, user, items, of_items, slots)
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
        column, columns = layout[SLOTS][code[2], 0], layout[SLOTS][code[2], 1]
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
                    value = count_at(words, place, code[3], code[4], constants[0], at)
                elif what == RATE:
                    value = rate_at(words, place, code, constants, prior, at)
                elif what == AGO:
                    value = seconds_since(words, place, code[3], at)
                else:
                    value = go_on_at(words, place, recent_rows[element], code, constants, at)
                if seen == 0:
                    first = value
                seen += 1
                if not np.isnan(value):
                    total += value
                    best = max(best, value)
                    least = min(least, value)
            values[row] = combine(code[5], total, best, least, seen, first)
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
            source, base = field_source(bits, request_bits, code[2], of_user, of_items[row])
            values[row] = np.nan
            if base >= 0:
                values[row] = source[base + code[3] : base + code[3] + 1].view(np.float64)[0]
            if code[4]:
                values[row] = (at - values[row]) / 1000.0
    elif what == LEVEL:
        for row in range(count):
            source, base = field_source(bits, request_bits, code[2], of_user, of_items[row])
            values[row] = np.nan
            if base >= 0 and source[base + code[3]] != np.uint64(0):
                for level in range(code[4], code[5]):
                    if levels[level] == source[base + code[3]]:
                        values[row] = level - code[4]
    elif what == SAME:
        for row in range(count):
            left, left_base = field_source(bits, request_bits, code[2], of_user, of_items[row])
            right, right_base = field_source(bits, request_bits, code[5], of_user, of_items[row])
            values[row] = (
                shared(left, left_base + code[3], code[4], right, right_base + code[6], code[7])
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
