"""Kernels that run one instruction of a program for the candidates of a block."""

import numpy as np

from liverank.compiled import compiled
from liverank.features import compiler as op
from liverank.features.kernels.memory.offsets import LIST_PART, NUMBERS, WIDEST
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.read.values import (
    fill_ago,
    fill_counts,
    fill_list_ago,
    fill_list_counts,
    fill_list_rates,
    fill_rates,
)

COUNT, RATE, AGO, SHARE, DIFFERENCE = op.COUNT, op.RATE, op.AGO, op.SHARE, op.DIFFERENCE


@compiled
def run_counters(layout, source, line, strength, passes, columns, at, m, most, out):
    """Run an instruction that reads the rows of one scope, for m candidates of a block."""
    begins, starts, places, decay_begins, decays, registers = columns
    what, scope, word, decayed = line[0], line[1], line[2], line[3]
    how, trials, prior = line[4], line[5], line[6]
    is_list = shape_of(layout, scope, LIST_PART) >= 0
    its_starts, rows = moved(starts, scope * (most + 1)), moved(places, begins[scope])
    its_decays = moved(decays, decay_begins[decayed])
    before = out
    if what == RATE and prior >= 0:
        before = moved(registers, prior * most)
    elif what == RATE:
        fill(out, m, 0.0)
    if what == AGO and is_list:
        fill_list_ago(source, rows, its_starts, m, word, at, out)
    elif what == AGO:
        fill_ago(source, rows, m, word, at, out)
    elif what == COUNT and is_list:
        fill_list_counts(source, rows, its_decays, its_starts, m, word, how, out)
    elif what == COUNT:
        fill_counts(source, rows, its_decays, m, word, out)
    elif is_list:
        fill_list_rates(
            source, rows, its_decays, its_starts, m, word, trials, before, strength, how, out
        )
    else:
        fill_rates(source, rows, its_decays, m, word, trials, before, strength, out)
    if what == RATE and passes == 1.0:  # where nothing is known, be the prior
        for row in range(m):
            is_unknown = (
                its_starts[row] == its_starts[row + 1]
                if is_list
                else rows[row] == layout[NUMBERS][WIDEST]
            )
            if is_unknown:
                out[row] = registers[prior * most + row]


@compiled
def combine_two(what, one, other, constant, other_constant, m, out):
    """Run an instruction on two registers."""
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
    """One value for all."""
    for row in range(m):
        out[row] = value
