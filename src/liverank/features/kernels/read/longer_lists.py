"""Kernels that compare the candidates of a list that is read in several blocks.

The columns that are compared are kept until all of the list was read.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features import compiler as op
from liverank.features.kernels.memory.pointers import keep, moved, pointer_to
from liverank.features.kernels.read.listwise import compare

RANK, GAP, ABOVE_MEAN, ABOVE_MEAN_SD = op.RANK, op.GAP, op.ABOVE_MEAN, op.ABOVE_MEAN_SD
TILE = 16
"""Features of a candidate that are written together."""


@compiled
def compared_of(code, is_whole):
    """Which registers must be kept to compare a longer list: numbers from 0, or -1; how many."""
    compared = np.full(len(code), -1, np.int64)
    count = 0
    if is_whole:
        return compared, count
    for place in range(len(code)):
        if compares(code[place, 0]) and compared[code[place, 1]] < 0:
            compared[code[place, 1]] = count
            count += 1
    return compared, count


@compiled
def compares(what):
    """Whether an operation compares the candidates of a list."""
    return what in (RANK, GAP, ABOVE_MEAN, ABOVE_MEAN_SD)


@compiled
def compare_all(code, outputs, compared, kept, n, out):
    """Fill in the features that compare the candidates of a list of several blocks.

    Some are compared before they are written together: one alone would touch all of ``out``.
    """
    value_array, features = np.empty((TILE, n)), np.empty(TILE, np.int64)
    values, held = pointer_to(value_array), 0
    for feature in range(outputs.size):
        line = code[outputs[feature]]
        if compares(line[0]):
            its_values = moved(values, held * n)
            compare(line[0], moved(kept, compared[line[1]] * n), n, its_values)
            features[held], held = feature, held + 1
        if held == TILE or feature + 1 == outputs.size:
            for row in range(n):
                for one in range(held):
                    out[row, features[one]] = np.float32(values[one * n + row])
            held = 0
    keep((value_array,))
