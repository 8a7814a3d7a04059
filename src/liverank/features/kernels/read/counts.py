"""Kernels that run the instructions which read one scope's counters, or combine two registers."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import NUMBERS_WIDEST, SHAPE_LIST_PART
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.opcodes import AGO, COUNT, DIFFERENCE, RATE, SHARE
from liverank.features.kernels.read.values import (
    RateWords,
    Rows,
    fill_ago,
    fill_counts,
    fill_list_ago,
    fill_list_counts,
    fill_list_rates,
    fill_rates,
)


@compiled
def run_counters(layout, source, instruction, at, block, m):
    """Run COUNT, RATE or AGO; ``source`` points to the words that hold the scope's rows."""
    code, out = instruction.code, instruction.out
    what, scope, word, decayed = code[0], code[1], code[2], code[3]
    how, trials, prior = code[4], code[5], code[6]
    is_list = shape_of(layout, scope, SHAPE_LIST_PART) >= 0
    rows = Rows(
        source,
        moved(block.rows, block.row_begins[scope]),
        moved(block.decays, block.decay_begins[decayed]),
        moved(block.list_starts, scope * (block.capacity + 1)),
    )
    words = RateWords(word, trials, instruction.constant)
    before = out
    if what == RATE and prior >= 0:
        before = moved(block.registers, prior * block.capacity)
    elif what == RATE:
        fill(out, m, 0.0)
    if what == AGO and is_list:
        fill_list_ago(rows, m, word, at, out)
    elif what == AGO:
        fill_ago(rows, m, word, at, out)
    elif what == COUNT and is_list:
        fill_list_counts(rows, m, word, how, out)
    elif what == COUNT:
        fill_counts(rows, m, word, out)
    elif is_list:
        fill_list_rates(rows, m, words, before, how, out)
    else:
        fill_rates(rows, m, words, before, out)
    if what == RATE and instruction.other_constant == 1.0:
        _pass_prior(rows, layout.numbers[NUMBERS_WIDEST], is_list, before, m, out)


@compiled
def combine_two(instruction, block, m):
    """Run SHARE, DIFFERENCE or MOMENTUM on two registers."""
    code, out = instruction.code, instruction.out
    what, constant, other_constant = code[0], instruction.constant, instruction.other_constant
    one = moved(block.registers, code[1] * block.capacity)
    other = moved(block.registers, code[2] * block.capacity)
    for row in range(m):
        if what == SHARE:
            out[row] = one[row] / (other[row] + constant)
        elif what == DIFFERENCE:
            out[row] = one[row] - other[row]
        else:
            out[row] = np.log2(
                (one[row] * constant + other_constant)
                / (other[row] * other_constant + other_constant)
            )


@compiled
def fill(out, m, value):
    """Fill ``out``, float64[m], with one value."""
    for row in range(m):
        out[row] = value


@compiled
def _pass_prior(rows, unknown, is_list, prior, m, out):
    """Replace the rates of unknown entities, and of empty lists, by the prior."""
    for row in range(m):
        if is_list:
            is_unknown = rows.starts[row] == rows.starts[row + 1]
        else:
            is_unknown = rows.offsets[row] == unknown
        if is_unknown:
            out[row] = prior[row]
