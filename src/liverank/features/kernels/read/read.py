"""Kernels that read features from state as of a given time.

Reading changes nothing, and a row's features do not depend on the other rows, except for those of
kind ``in_list``. Candidates are read a block at a time. A list of one block is compared directly;
for a longer one the compared columns are kept until all blocks have been read. Invariant: training
and serving call this same ``read``.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import AGES, epoch_of, fill_factors
from liverank.features.kernels.fold.entities import user_key
from liverank.features.kernels.fold.history import history_of
from liverank.features.kernels.fold.presence import targets_of
from liverank.features.kernels.memory.index import MISSING, find
from liverank.features.kernels.memory.offsets import (
    NUMBERS_FOLLOW_CODE,
    NUMBERS_HALF_LIVES,
    NUMBERS_NEXT_SCOPE,
)
from liverank.features.kernels.memory.pointers import (
    keep,
    layout_pointers,
    moved,
    pointer_to,
    store_pointers,
)
from liverank.features.kernels.read.block import BLOCK, ProgramArrays, Visitor, new_block
from liverank.features.kernels.read.find_rows import find_block
from liverank.features.kernels.read.following import following_of
from liverank.features.kernels.read.latest import latest_of
from liverank.features.kernels.read.longer_lists import (
    TILE,
    compare_all,
    compared_of,
    keep_columns,
)
from liverank.features.kernels.read.next_item_values import (
    RecentItems,
    find_next_rows,
    find_recent,
)
from liverank.features.kernels.read.pair_rows import pair_rows_of
from liverank.features.kernels.read.run import Known, run_program
from liverank.features.kernels.read.visits import person_of
from liverank.features.layout.constants import RECENT_ITEMS


@compiled
def read(arrays, user, at, words, items, positions, out):
    """Read the features of one request's candidates.

    ``arrays`` holds the tuples of arrays of a ``Store``, a layout and a ``Program``; ``user``
    uint64; ``at`` float64 Unix ms; ``words`` uint64[request words]; ``items`` uint64[n];
    ``positions`` float64[n], or [1] where all have the same. ``out``, float32[n, features], is
    filled.
    """
    if items.size:
        store, layout = store_pointers(arrays[0]), layout_pointers(arrays[1])
        read_rows(store, layout, arrays[2], (user, at, words, items, positions), out)


@compiled
def read_rows(store, layout, program, request, out):
    """Like ``read``, with pointers to state and layout, for at least one candidate.

    ``request`` is (user, at, words, items, positions).
    """
    user, at, words, items, positions = request
    arrays = _named(program)
    n = items.size
    factors, recent_rows = _factors_at(layout, at), np.empty(RECENT_ITEMS, np.int64)
    visitor = Visitor(
        user,
        find(store, user_key(layout, user)),
        at,
        epoch_of(layout, at),
        pointer_to(factors),
        pointer_to(words),
    )
    known = _gather(store, layout, arrays, visitor, recent_rows)
    block, buffers = new_block(layout, arrays, known.recent.count, min(n, BLOCK))
    compared, compared_count = compared_of(arrays.code, n <= BLOCK)
    kept = np.empty((compared_count, n))
    for begin in range(0, n, BLOCK):
        m = min(BLOCK, n - begin)
        find_block(store, layout, arrays, visitor, known.pairs, items[begin : begin + m], block)
        find_next_rows(store, layout, known.recent, block, m)
        its_positions = positions[begin : begin + m] if positions.size > 1 else positions
        run_program(store, layout, arrays, known, block, (m, n, its_positions))
        keep_columns(compared, block, m, begin, kept)
        _write(arrays.outputs, block, out[begin : begin + m])
    if n > BLOCK:
        compare_all(arrays, compared, kept, out)
    keep((factors, recent_rows, words))
    keep(buffers)


@compiled
def _gather(store, layout, program, visitor, recent_rows):
    """The values read once per request, which do not depend on the candidates.

    ``recent_rows`` is int64[RECENT_ITEMS], to be filled.
    """
    needs = program.needs
    needs_history, needs_following, needs_latest = needs[0], needs[1], needs[2]
    at = visitor.at
    history = history_of(store, layout, visitor.row if needs_history else MISSING)
    targets = targets_of(
        store,
        layout,
        visitor.row if needs_following or needs_latest else MISSING,
        layout.numbers[NUMBERS_FOLLOW_CODE],
    )
    recent, recent_count = pointer_to(recent_rows), np.int64(0)
    if program.scopes[layout.numbers[NUMBERS_NEXT_SCOPE]]:
        recent_count = find_recent(store, layout, visitor.row, recent)
    return Known(
        visitor,
        pair_rows_of(store, layout, program.scopes, history, at),
        person_of(history[0], at),
        following_of(store, layout, targets if needs_following else targets[:0], at),
        latest_of(store, layout, targets if needs_latest else targets[:0]),
        RecentItems(recent, recent_count),
    )


@compiled
def _factors_at(layout, at):
    """The decay factors of counters at a time, float64[half-lives, AGES + 1]."""
    factors = np.empty((layout.numbers[NUMBERS_HALF_LIVES], AGES + 1))
    fill_factors(layout, at, factors)
    return factors


@compiled
def _named(program):
    """The arrays of a program by their names."""
    code, constants, levels, outputs, scopes, decays, needs, zones, starts, changes = program
    return ProgramArrays(
        code, constants, levels, outputs, scopes, decays, needs, zones, starts, changes
    )


@compiled
def _write(outputs, block, out):
    """Copy the registers of the features to their rows, ``out`` float32[m, features]."""
    width, wanted, rows_out = outputs.size, pointer_to(outputs), pointer_to(out)
    for first in range(0, width, TILE):
        until = min(first + TILE, width)
        for row in range(len(out)):
            its_row = moved(rows_out, row * width)
            for feature in range(first, until):
                register = moved(block.registers, wanted[feature] * block.capacity)
                its_row[feature] = np.float32(register[row])
    keep((outputs, out))
