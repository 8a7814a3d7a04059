"""Structs that the kernels of one read share: the program, the person, a block's buffers.

Each is a tuple of numbers, pointers and arrays. In these kernels ``m`` is the number of candidates
in the current block.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import NUMBERS_NEXT_SCOPE, SHAPE_LIST_PART
from liverank.features.kernels.memory.pointers import pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.constants import MAX_ELEMENTS

BLOCK = 64
"""Maximum number of candidates read together, so that their rows stay in the L1 cache."""


class ProgramArrays(NamedTuple):
    """The arrays of a ``features.compiler.Program``, where their shapes are described."""

    code: Any
    constants: Any
    levels: Any
    outputs: Any
    scopes: Any
    decays: Any
    needs: Any
    zones: Any
    zone_starts: Any
    changes: Any


class Visitor(NamedTuple):
    """The person of the request: ``user`` uint64, the first word of their row, and the time.

    ``at`` is Unix ms and ``epoch`` that time's epoch; ``factors`` points to the decay factors,
    float64[half-lives, AGES + 1]; ``request`` to the request's words as uint64.
    """

    user: Any
    row: Any
    at: Any
    epoch: Any
    factors: Any
    request: Any


class Block(NamedTuple):
    """Buffers for the candidates of a block; all but ``capacity`` are pointers.

    ``capacity``      maximum number of candidates
    ``items``         int64[capacity]: the first words of the items' rows
    ``row_begins``    int64[scopes + 1]: the start of each scope's part of ``rows``
    ``list_starts``   int64[scopes, capacity + 1]: for a list scope, the start of each candidate's
                      rows in the scope's part
    ``rows``          int64[row_begins[-1]]: the first words of rows
    ``keys``          uint64[MAX_ELEMENTS * capacity]: scratch memory
    ``decay_begins``  int64[decays + 1]: the start of each (scope, half-life)'s part of ``decays``
    ``decays``        float64[decay_begins[-1]]: the decay factors of the rows' counters
    ``next_rows``     int64[recent items, capacity]: the rows of (recent item, candidate)
    ``registers``     float64[instructions, capacity]
    """

    capacity: Any
    items: Any
    row_begins: Any
    list_starts: Any
    rows: Any
    keys: Any
    decay_begins: Any
    decays: Any
    next_rows: Any
    registers: Any


class Instruction(NamedTuple):
    """One instruction of a program.

    ``code`` points to int64[CODE_WIDTH]: the operation, then its arguments; ``constant`` and
    ``other_constant`` are float64; ``out`` points to its register, float64[capacity].
    """

    code: Any
    constant: Any
    other_constant: Any
    out: Any


@compiled
def new_block(layout, program, recent_count, capacity):
    """Allocate a block; returns (Block, the arrays that its pointers point to)."""
    scopes = program.scopes
    row_begins = _row_begins(layout, scopes, capacity)
    decay_begins = _decay_begins(layout, program.decays, capacity)
    items = np.empty(capacity, np.int64)
    list_starts = np.empty(scopes.size * (capacity + 1), np.int64)
    rows = np.empty(max(row_begins[-1], 1), np.int64)
    keys = np.empty(MAX_ELEMENTS * capacity, np.uint64)
    decays = np.empty(decay_begins[-1])
    next_rows = np.empty(recent_count * capacity, np.int64)
    registers = np.empty(len(program.code) * capacity)
    block = Block(
        np.int64(capacity),
        pointer_to(items),
        pointer_to(row_begins),
        pointer_to(list_starts),
        pointer_to(rows),
        pointer_to(keys),
        pointer_to(decay_begins),
        pointer_to(decays),
        pointer_to(next_rows),
        pointer_to(registers),
    )
    arrays = (
        items,
        row_begins,
        list_starts,
        rows,
        keys,
        decay_begins,
        decays,
        next_rows,
        registers,
    )
    return block, arrays


@compiled
def _row_begins(layout, used, n):
    """The start of the rows of each used scope, int64[scopes + 1]."""
    begins = np.zeros(used.size + 1, np.int64)
    for scope in range(used.size):
        is_read = used[scope] and scope != layout.numbers[NUMBERS_NEXT_SCOPE]
        begins[scope + 1] = begins[scope] + (_column_size(layout, scope, n) if is_read else 0)
    return begins


@compiled
def _decay_begins(layout, decayed, n):
    """The start of the factors of each (scope, half-life), int64[d + 1]."""
    begins = np.zeros(len(decayed) + 1, np.int64)
    for line in range(len(decayed)):
        begins[line + 1] = begins[line] + _column_size(layout, decayed[line, 0], n)
    return begins


@compiled
def _column_size(layout, scope, n):
    """Maximum number of rows of a scope that n candidates need."""
    return MAX_ELEMENTS * n if shape_of(layout, scope, SHAPE_LIST_PART) >= 0 else n
