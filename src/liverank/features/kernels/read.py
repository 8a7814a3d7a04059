"""Kernels that read features from state at a time.

Reading changes nothing, and a row's features do not depend on the rows beside it, except for the
rank and gap within the list. Invariant: training and serving call this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.counters import AGES, fill_factors
from liverank.features.kernels.entities import user_key
from liverank.features.kernels.following import following_of
from liverank.features.kernels.lists import gap_in_list, rank_in_list
from liverank.features.kernels.moments import fill_moments
from liverank.features.kernels.places import (
    EPOCH_MS,
    HALF_LIVES,
    IS_PAIR,
    LIST_PART,
    NUMBERS,
    RATES,
    REALS,
    SCOPES,
    WIDEST,
)
from liverank.features.kernels.portrait import portrait_of
from liverank.features.kernels.resolve import columns_of, find_ages, find_items, resolve
from liverank.features.kernels.rows import MISSING, find
from liverank.features.kernels.sequels import fill_sequels, sequels_of
from liverank.features.kernels.traits import fill_traits
from liverank.features.kernels.values import combine, fill_ago, fill_counts, fill_rates, spread

COUNT, RATE, AGO, MOMENTUM, SHARE = op.COUNT, op.RATE, op.AGO, op.MOMENTUM, op.SHARE
GO_ON, RANK, GAP, PERSON = op.GO_ON, op.RANK, op.GAP, op.PERSON
HOUR, WEEKDAY, POSITION, CANDIDATES = op.HOUR, op.WEEKDAY, op.POSITION, op.CANDIDATES
DIFFERENCE = op.DIFFERENCE
_BLOCK = 128


@compiled
def read(store, layout, program, user, at, request, items, positions, out):
    """Read the features of one request's candidates.

    ``user`` uint64, ``at`` float64 Unix ms, ``request`` uint64[request words], ``items``
    uint64[n], ``positions`` float64[n] (or [1], the same for all), ``out`` float32[n, features]
    is filled.
    """
    code, constants, _levels, outputs, used, needs = program[:6]
    n, words = items.size, store[5]
    if n == 0:
        return
    of_items = np.empty(n, np.int64)
    find_items(store, layout, items, of_items)
    of_user = find(store, user_key(layout, user))
    portrait, person = portrait_of(store, layout, used, of_user if needs[0] else MISSING, at)
    following = following_of(store, layout, of_user if needs[1] else MISSING, at)
    begins = columns_of(layout, used, n)
    starts = np.empty((used.size, n + 1), np.int64)
    places = np.empty(begins[-1], np.int64)
    ages = np.zeros(begins[-1], np.int64)
    resolve(store, layout, used, user, items, of_user, of_items, portrait, begins, (starts, places))
    find_ages(words, layout, used, at, begins, starts, places, ages)
    sequels = sequels_of(store, layout, used, of_user, of_items, at)
    factors = np.empty((layout[NUMBERS][HALF_LIVES] + 1, AGES + 1))
    fill_factors(layout, at, factors[:-1])
    factors[-1] = 1.0  # of what does not decay
    columns = (begins, starts, places, ages, factors)
    registers = np.empty((len(code), n))
    for place in range(len(code)):
        what, first, second = code[place, 0], code[place, 1], code[place, 2]
        constant, other_constant = constants[place, 0], constants[place, 1]
        values = registers[place]
        if what in (COUNT, RATE, AGO):
            source = portrait[2] if layout[SCOPES][first, IS_PAIR] == 1 else words
            _run_counters(
                source, layout, code[place], constants[place], columns, at, registers, values
            )
        elif what == MOMENTUM:
            for row in range(n):
                short, long = registers[first, row] * constant, registers[second, row]
                values[row] = np.log2(
                    (short + other_constant) / (long * other_constant + other_constant)
                )
        elif what == SHARE:
            for row in range(n):
                values[row] = registers[first, row] / (registers[second, row] + constant)
        elif what == DIFFERENCE:
            for row in range(n):
                values[row] = registers[first, row] - registers[second, row]
        elif what == GO_ON:
            fill_sequels(words, layout, sequels, code[place], constant, factors, at, values)
        elif what == RANK:
            rank_in_list(registers[first], values)
        elif what == GAP:
            gap_in_list(registers[first], values)
        elif what == PERSON:
            values[:] = person[first]
        elif what == POSITION:
            for row in range(n):
                values[row] = positions[row % positions.size]
        elif what == CANDIDATES:
            values[:] = n
        elif what in (HOUR, WEEKDAY):
            fill_moments(words, program, code[place], request, of_user, at, values)
        else:
            fill_traits(
                words,
                layout,
                program,
                code[place],
                (at, request, of_user, of_items),
                following,
                columns,
                values,
            )
    for begin in range(0, n, _BLOCK):
        for feature in range(outputs.size):
            values = registers[outputs[feature]]
            for row in range(begin, min(begin + _BLOCK, n)):
                out[row, feature] = np.float32(values[row])


@compiled
def _run_counters(source, layout, code, constants, columns, at, registers, out):
    """Run an instruction that reads the rows of one scope, for each candidate or element."""
    begins, starts, places, ages, factors = columns
    what, scope, word, life = code[0], code[1], code[2], code[3]
    how, trials, prior = code[4], code[5], code[6]
    rate = layout[RATES][life] if life >= 0 else 0.0
    epoch_ms = layout[REALS][EPOCH_MS]
    is_list = layout[SCOPES][scope, LIST_PART] >= 0
    size = starts[scope, -1] if is_list else out.size
    rows = places[begins[scope] : begins[scope] + size]
    age = ages[begins[scope] : begins[scope] + size]
    values = np.empty(size) if is_list else out
    if what == COUNT:
        fill_counts(source, rows, age, word, factors[life], at, rate, epoch_ms, values)
    elif what == AGO:
        fill_ago(source, rows, word, at, values)
    else:
        before = registers[prior] if prior >= 0 else np.zeros(out.size)
        if is_list:
            of_elements = np.empty(size)
            spread(before, starts[scope], of_elements)
        else:
            of_elements = before
        fill_rates(
            source,
            rows,
            age,
            word,
            trials,
            factors[life],
            at,
            rate,
            epoch_ms,
            of_elements,
            constants[0],
            values,
        )
    if is_list:
        combine(values, starts[scope], how, out)
    if what == RATE and constants[1] == 1.0:  # the prior passes where there is nothing to know
        for row in range(out.size):
            unknown = (
                starts[scope, row] == starts[scope, row + 1]
                if is_list
                else rows[row] == layout[NUMBERS][WIDEST]
            )
            if unknown:
                out[row] = registers[prior, row]
