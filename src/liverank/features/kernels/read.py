"""Kernels that read features from state at a time.

Reading changes nothing, and a row's features do not depend on the rows beside it, except for the
rank and gap within the list. Invariant: training and serving call this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.counters import AGES, epoch_of, fill_factors
from liverank.features.kernels.entities import user_key
from liverank.features.kernels.following import following_of
from liverank.features.kernels.history import history_of
from liverank.features.kernels.lists import fill_gaps, fill_ranks
from liverank.features.kernels.moments import fill_moments
from liverank.features.kernels.person import person_of
from liverank.features.kernels.places import (
    EPOCH_MS,
    HALF_LIVES,
    IS_PAIR,
    LIFE_SCOPE,
    LIST_PART,
    NEXT_SCOPE,
    NUMBERS,
    RATES,
    REALS,
    WIDEST,
    WORDS,
)
from liverank.features.kernels.pointers import (
    as_float64,
    keep,
    layout_pointers,
    moved,
    pointer_to,
    store_pointers,
)
from liverank.features.kernels.portrait import fill_portrait, pairs_of, rows_needed
from liverank.features.kernels.resolve import (
    columns_of,
    find_ages,
    find_items,
    find_lists,
    find_pairs,
    find_rows,
)
from liverank.features.kernels.rows import MISSING, find
from liverank.features.kernels.sequels import fill_sequels, find_recent, find_sequels
from liverank.features.kernels.shapes import shape_of
from liverank.features.kernels.traits import fill_fields, fill_followed, fill_lives
from liverank.features.kernels.values import combine, fill_ago, fill_counts, fill_rates, spread
from liverank.features.layout import RECENT_ITEMS

COUNT, RATE, AGO, MOMENTUM, SHARE = op.COUNT, op.RATE, op.AGO, op.MOMENTUM, op.SHARE
GO_ON, RANK, GAP, PERSON = op.GO_ON, op.RANK, op.GAP, op.PERSON
HOUR, WEEKDAY, POSITION, CANDIDATES = op.HOUR, op.WEEKDAY, op.POSITION, op.CANDIDATES
DIFFERENCE, FIELD, LEVEL, SAME = op.DIFFERENCE, op.FIELD, op.LEVEL, op.SAME
FOLLOWED, HERE = op.FOLLOWED, op.HERE
_BLOCK = 128


@compiled
def read(store_arrays, layout_arrays, program, user, at, request, items, positions, out):
    """Read the features of one request's candidates.

    ``user`` uint64, ``at`` float64 Unix ms, ``request`` uint64[request words], ``items``
    uint64[n], ``positions`` float64[n] (or [1], the same for all), ``out`` float32[n, features]
    is filled.
    """
    if items.size:
        store, layout = store_pointers(store_arrays), layout_pointers(layout_arrays)
        read_rows(store, layout, program, user, at, request, items, positions, out)


@compiled
def read_rows(store, layout, program, user, at, request, items, positions, out):
    """What ``read`` does, by pointers to state and layout, for one candidate or more."""
    code, constants, levels, outputs, used, needs, zones, zone_starts, changes = program
    n = items.size
    item_places = np.empty(n, np.int64)
    of_items = pointer_to(item_places)
    find_items(store, layout, items, of_items)
    of_user = find(store, user_key(layout, user))

    entries, numbers = history_of(store, layout, of_user if needs[0] else MISSING)
    pairs, width = pairs_of(layout, used)
    entry_rows = np.empty(entries.size, np.int64)
    total = rows_needed(store, layout, pairs, numbers, entry_rows)
    size = 4
    while size < 2 * total:
        size *= 2
    pair_keys, pair_places = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    pair_words = np.zeros(width * (total + 2))
    pair_words[width : 2 * width] = np.nan
    own = pointer_to(pair_words)
    fill_portrait(
        store, layout, pairs, entries, entry_rows, at, pair_keys, pair_places, own, 2 * width
    )
    person = person_of(entries, at)
    followed, here, people = following_of(store, layout, of_user if needs[1] else MISSING, at)

    begin_of = columns_of(layout, used, n)
    start_array = np.empty(used.size * (n + 1), np.int64)
    place_array = np.empty(begin_of[-1], np.int64)
    age_array = np.zeros(begin_of[-1], np.int64)
    begins, starts = pointer_to(begin_of), pointer_to(start_array)
    places, ages = pointer_to(place_array), pointer_to(age_array)
    for scope in range(used.size):
        if begins[scope] == begins[scope + 1]:
            continue
        column, its_starts = moved(places, begins[scope]), moved(starts, scope * (n + 1))
        if shape_of(layout, scope, IS_PAIR) == 1:
            find_pairs(
                store,
                layout,
                scope,
                of_items,
                n,
                pair_keys,
                pair_places,
                width,
                its_starts,
                column,
            )
        elif shape_of(layout, scope, LIST_PART) >= 0:
            find_lists(store, layout, scope, of_items, n, its_starts, column)
        else:
            find_rows(store, layout, scope, user, items, of_user, of_items, column)
    find_ages(store, layout, used, at, n, begins, starts, places, ages)
    recent_array = np.empty(RECENT_ITEMS, np.int64)
    recent, recent_count = pointer_to(recent_array), np.int64(0)
    if used[layout[NUMBERS][NEXT_SCOPE]]:
        recent_count = find_recent(store, layout, of_user, recent)
    sequel_array = np.empty(recent_count * n, np.int64)
    sequels = pointer_to(sequel_array)
    find_sequels(store, layout, recent, recent_count, of_items, n, sequels)

    lives = layout[NUMBERS][HALF_LIVES]
    factor_array = np.empty((lives + 1, AGES + 1))
    fill_factors(layout, at, factor_array[:-1])
    factor_array[-1] = 1.0  # of what does not decay
    factors = pointer_to(factor_array)
    register_array = np.empty((len(code), n))
    registers = pointer_to(register_array)
    request_words = as_float64(pointer_to(request))
    host = max(layout[NUMBERS][LIFE_SCOPE], 0)
    epoch = epoch_of(layout, at)
    epoch_ms = layout[REALS][EPOCH_MS]
    for place in range(len(code)):
        line = moved(pointer_to(code), place * op.CODE_WIDTH)
        what, first, second = line[0], line[1], line[2]
        constant, other_constant = constants[place, 0], constants[place, 1]
        values = moved(registers, place * n)
        one, other = moved(registers, first * n), moved(registers, second * n)
        if what in (COUNT, RATE, AGO):
            word, life, how, trials, prior = second, line[3], line[4], line[5], line[6]
            source = own if shape_of(layout, first, IS_PAIR) == 1 else store[WORDS]
            rate = layout[RATES][life] if life >= 0 else 0.0
            its_factors = moved(factors, (life if life >= 0 else lives) * (AGES + 1))
            is_list = shape_of(layout, first, LIST_PART) >= 0
            its_starts = moved(starts, first * (n + 1))
            m = its_starts[n] if is_list else n
            rows, its_ages = moved(places, begins[first]), moved(ages, begins[first])
            element_array = np.empty(2 * m if is_list else 0)
            elements = pointer_to(element_array) if is_list else values
            if what == COUNT:
                fill_counts(
                    source, rows, its_ages, m, word, its_factors, at, rate, epoch_ms, elements
                )
            elif what == AGO:
                fill_ago(source, rows, m, word, at, elements)
            else:
                before = values
                if prior >= 0:
                    before = moved(registers, prior * n)
                else:
                    for row in range(n):
                        values[row] = 0.0
                if is_list:
                    spread(before, its_starts, n, moved(elements, m))
                fill_rates(
                    source,
                    rows,
                    its_ages,
                    m,
                    word,
                    trials,
                    its_factors,
                    at,
                    rate,
                    epoch_ms,
                    moved(elements, m) if is_list else before,
                    constant,
                    elements,
                )
            if is_list:
                combine(elements, its_starts, n, how, values)
            keep((element_array,))
            if what == RATE and other_constant == 1.0:  # where nothing is known, be the prior
                for row in range(n):
                    is_unknown = (
                        its_starts[row] == its_starts[row + 1]
                        if is_list
                        else rows[row] == layout[NUMBERS][WIDEST]
                    )
                    if is_unknown:
                        values[row] = registers[prior * n + row]
        elif what == MOMENTUM:
            for row in range(n):
                values[row] = np.log2(
                    (one[row] * constant + other_constant)
                    / (other[row] * other_constant + other_constant)
                )
        elif what == SHARE:
            for row in range(n):
                values[row] = one[row] / (other[row] + constant)
        elif what == DIFFERENCE:
            for row in range(n):
                values[row] = one[row] - other[row]
        elif what == GO_ON:
            its_factors = moved(factors, second * (AGES + 1))
            fill_sequels(
                store,
                layout,
                recent,
                recent_count,
                sequels,
                n,
                line,
                constant,
                its_factors,
                at,
                epoch,
                values,
            )
        elif what == RANK:
            fill_ranks(one, n, values)
        elif what == GAP:
            fill_gaps(one, n, values)
        elif what == PERSON:
            for row in range(n):
                values[row] = person[first]
        elif what == POSITION:
            for row in range(n):
                values[row] = positions[row if positions.size > 1 else 0]
        elif what == CANDIDATES:
            for row in range(n):
                values[row] = n
        elif what in (HOUR, WEEKDAY):
            fill_moments(store, zones, zone_starts, changes, line, request, of_user, at, n, values)
        elif what in (FIELD, LEVEL, SAME):
            fill_fields(store, levels, line, at, request_words, of_user, of_items, n, values)
        elif what in (FOLLOWED, HERE):
            fill_followed(store, line, followed, here, people, of_items, n, values)
        else:
            hosts = moved(places, begins[host])
            everything = places[0] if begins[1] > 0 else MISSING
            fill_lives(store, layout, line, at, of_items, everything, hosts, n, values)
    for begin in range(0, n, _BLOCK):
        for feature in range(outputs.size):
            values = moved(registers, outputs[feature] * n)
            for row in range(begin, min(begin + _BLOCK, n)):
                out[row, feature] = np.float32(values[row])
    keep((item_places, start_array, place_array, age_array, recent_array, sequel_array))
    keep((pair_words, begin_of, factor_array, register_array))
