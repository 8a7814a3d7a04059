"""Kernels that read features from state at a time.

Reading changes nothing, and a row's features do not depend on the rows beside it, except for those
of kind ``in_list``. Candidates are read a block at a time, so that their rows stay in the nearest
cache for all instructions. A list of one block is compared there and then; of a longer one the
columns that are compared are kept until all of it was read. Invariant: training and serving call
this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import compiler as op
from liverank.features.kernels.fold.decayed_counters import AGES, epoch_of, fill_factors
from liverank.features.kernels.fold.entities import user_key
from liverank.features.kernels.fold.history import history_of
from liverank.features.kernels.fold.presence import targets_of
from liverank.features.kernels.memory.index import MISSING, find
from liverank.features.kernels.memory.offsets import (
    FOLLOW_LOW,
    HALF_LIVES,
    IS_PAIR,
    LIFE_SCOPE,
    LIST_PART,
    NEXT_SCOPE,
    NUMBERS,
    WORDS,
)
from liverank.features.kernels.memory.pointers import (
    as_float64,
    keep,
    layout_pointers,
    moved,
    pointer_to,
    store_pointers,
)
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.read.counts import combine_two, fill, run_counters
from liverank.features.kernels.read.fields import fill_fields, fill_followed, fill_lives
from liverank.features.kernels.read.find_rows import (
    columns_of,
    decay_columns_of,
    fill_decays,
    find_items,
    find_lists,
    find_pairs,
    find_rows,
)
from liverank.features.kernels.read.following import following_of
from liverank.features.kernels.read.latest import fill_latest, latest_of
from liverank.features.kernels.read.listwise import compare
from liverank.features.kernels.read.local_time import fill_moments
from liverank.features.kernels.read.longer_lists import TILE, compare_all, compared_of, compares
from liverank.features.kernels.read.next_item_values import fill_sequels, find_recent, find_sequels
from liverank.features.kernels.read.pair_rows import fill_portrait, pairs_of, rows_needed
from liverank.features.kernels.read.visits import person_of
from liverank.features.layout.layout import MAX_ELEMENTS, RECENT_ITEMS

COUNT, RATE, AGO, MOMENTUM, SHARE = op.COUNT, op.RATE, op.AGO, op.MOMENTUM, op.SHARE
GO_ON, PERSON = op.GO_ON, op.PERSON
HOUR, WEEKDAY, POSITION, CANDIDATES = op.HOUR, op.WEEKDAY, op.POSITION, op.CANDIDATES
DIFFERENCE, FIELD, LEVEL, SAME = op.DIFFERENCE, op.FIELD, op.LEVEL, op.SAME
FOLLOWED, HERE, LATEST = op.FOLLOWED, op.HERE, op.LATEST
BLOCK = 64
"""Candidates that are read together."""


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
    code, constants, levels, outputs, used, decayed, needs, zones, zone_starts, changes = program
    n = items.size
    of_user = find(store, user_key(layout, user))

    entries, numbers = history_of(store, layout, of_user if needs[0] else MISSING)
    pairs, width = pairs_of(layout, used)
    entry_rows = np.empty(entries.size, np.int64)
    total = rows_needed(store, layout, pairs, numbers, entry_rows)
    size = 4
    while size < 3 * total:
        size *= 2
    pair_keys, pair_places = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    pair_words = np.zeros(width * (total + 2))
    pair_words[width : 2 * width] = np.nan
    own = pointer_to(pair_words)
    fill_portrait(
        store,
        layout,
        pairs,
        entries,
        entry_rows,
        at,
        pair_keys,
        pair_places,
        own,
        2 * width,
        total,
    )
    person = person_of(entries, at)
    of_follower = of_user if needs[1] or needs[2] else MISSING
    targets = targets_of(store, layout, of_follower, layout[NUMBERS][FOLLOW_LOW])
    followed, here, people = following_of(store, layout, targets if needs[1] else targets[:0], at)
    values_of_hosts, hosts_with, hosts_known = latest_of(
        store, layout, targets if needs[2] else targets[:0]
    )
    recent_array = np.empty(RECENT_ITEMS, np.int64)
    recent, recent_count = pointer_to(recent_array), np.int64(0)
    if used[layout[NUMBERS][NEXT_SCOPE]]:
        recent_count = find_recent(store, layout, of_user, recent)
    factor_array = np.empty((layout[NUMBERS][HALF_LIVES], AGES + 1))
    fill_factors(layout, at, factor_array)
    factors = pointer_to(factor_array)

    is_whole = n <= BLOCK
    compared, compared_count = compared_of(code, is_whole)
    kept_array = np.empty((compared_count, n))
    kept = pointer_to(kept_array)

    most = min(n, BLOCK)
    begin_of = columns_of(layout, used, most)
    item_places = np.empty(most, np.int64)
    start_array = np.empty(used.size * (most + 1), np.int64)
    place_array = np.empty(max(begin_of[-1], 1), np.int64)
    key_array = np.empty(MAX_ELEMENTS * most, np.uint64)
    decay_begin_of = decay_columns_of(layout, decayed, most)
    decay_array = np.empty(decay_begin_of[-1])
    sequel_array = np.empty(recent_count * most, np.int64)
    register_array = np.empty((len(code), most))
    of_items, sequels = pointer_to(item_places), pointer_to(sequel_array)
    begins, starts = pointer_to(begin_of), pointer_to(start_array)
    places, keys = pointer_to(place_array), pointer_to(key_array)
    decay_begins, decays = pointer_to(decay_begin_of), pointer_to(decay_array)
    registers = pointer_to(register_array)
    columns = (begins, starts, places, decay_begins, decays, registers)
    wanted, rows_out = pointer_to(outputs), pointer_to(out)
    request_words = as_float64(pointer_to(request))
    host = max(layout[NUMBERS][LIFE_SCOPE], 0)
    epoch = epoch_of(layout, at)

    for begin in range(0, n, BLOCK):
        m = min(BLOCK, n - begin)
        block = items[begin : begin + m]
        find_items(store, layout, block, keys, of_items)
        for scope in range(used.size):
            if begins[scope] == begins[scope + 1]:
                continue
            column, its_starts = moved(places, begins[scope]), moved(starts, scope * (most + 1))
            if shape_of(layout, scope, IS_PAIR) == 1:
                find_pairs(
                    store,
                    layout,
                    scope,
                    of_items,
                    m,
                    pair_keys,
                    pair_places,
                    width,
                    its_starts,
                    column,
                )
            elif shape_of(layout, scope, LIST_PART) >= 0:
                find_lists(store, layout, scope, of_items, m, its_starts, keys, column)
            else:
                find_rows(store, layout, scope, user, block, of_user, of_items, keys, column)
        fill_decays(
            store,
            layout,
            decayed,
            at,
            m,
            most,
            begins,
            starts,
            places,
            factors,
            decay_begins,
            decays,
        )
        find_sequels(store, layout, recent, recent_count, of_items, m, keys, sequels)
        for place in range(len(code)):
            line = moved(pointer_to(code), place * op.CODE_WIDTH)
            what, first, second = line[0], line[1], line[2]
            constant, other_constant = constants[place, 0], constants[place, 1]
            values = moved(registers, place * most)
            if what in (COUNT, RATE, AGO):
                source = own if shape_of(layout, first, IS_PAIR) == 1 else store[WORDS]
                run_counters(
                    layout, source, line, constant, other_constant, columns, at, m, most, values
                )
            elif what in (MOMENTUM, SHARE, DIFFERENCE):
                one, other = moved(registers, first * most), moved(registers, second * most)
                combine_two(what, one, other, constant, other_constant, m, values)
            elif what == GO_ON:
                its_factors = moved(factors, second * (AGES + 1))
                fill_sequels(
                    store,
                    layout,
                    recent,
                    recent_count,
                    sequels,
                    m,
                    line,
                    constant,
                    its_factors,
                    at,
                    epoch,
                    values,
                )
            elif compares(what):
                if is_whole:
                    compare(what, moved(registers, first * most), n, values)
            elif what == PERSON:
                fill(values, m, person[first])
            elif what == CANDIDATES:
                fill(values, m, float(n))
            elif what == POSITION:
                for row in range(m):
                    values[row] = positions[begin + row if positions.size > 1 else 0]
            elif what in (HOUR, WEEKDAY):
                fill_moments(
                    store, zones, zone_starts, changes, line, request, of_user, at, m, values
                )
            elif what in (FIELD, LEVEL, SAME):
                fill_fields(store, levels, line, at, request_words, of_user, of_items, m, values)
            elif what in (FOLLOWED, HERE):
                fill_followed(store, line, followed, here, people, of_items, m, values)
            elif what == LATEST:
                fill_latest(
                    store,
                    line,
                    constant,
                    values_of_hosts,
                    hosts_with,
                    hosts_known,
                    of_items,
                    m,
                    values,
                )
            else:
                hosts = moved(places, begins[host])
                fill_lives(store, layout, line, at, of_items, places[0], hosts, m, values)
            if compared[place] >= 0:
                for row in range(m):
                    kept[compared[place] * n + begin + row] = values[row]
        for first_feature in range(0, outputs.size, TILE):
            until = min(first_feature + TILE, outputs.size)
            for row in range(m):
                its_row = moved(rows_out, (begin + row) * outputs.size)
                for feature in range(first_feature, until):
                    its_row[feature] = np.float32(registers[wanted[feature] * most + row])
    if not is_whole:
        compare_all(code, outputs, compared, kept, n, out)
    keep((item_places, start_array, place_array, key_array, recent_array, sequel_array))
    keep(
        (
            pair_words,
            begin_of,
            factor_array,
            decay_begin_of,
            decay_array,
            register_array,
            kept_array,
        )
    )
