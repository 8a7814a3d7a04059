"""Kernels that compare the candidates of a list which is read in several blocks.

The compared columns are kept until the whole list has been read.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.pointers import keep, moved, pointer_to
from liverank.features.kernels.opcodes import ABOVE_MEAN, ABOVE_MEAN_SD, GAP, RANK
from liverank.features.kernels.read.listwise import compare

TILE = 16
"""Number of features of a candidate that are written together."""


@compiled
def compared_of(code, is_whole):
    """The registers to keep for comparing a longer list: (int64[instructions], their number).

    Kept registers are numbered from 0; the others have -1.
    """
    compared = np.full(len(code), -1, np.int64)
    count = 0
    if is_whole:
        return compared, count
    for line in range(len(code)):
        if compares(code[line, 0]) and compared[code[line, 1]] < 0:
            compared[code[line, 1]] = count
            count += 1
    return compared, count


@compiled
def compares(what):
    """Whether an operation compares the candidates of a list."""
    return what in (RANK, GAP, ABOVE_MEAN, ABOVE_MEAN_SD)


@compiled
def keep_columns(compared, block, m, begin, kept):
    """Copy the registers that are compared to columns ``begin`` and on of ``kept``.

    ``compared`` is as above, ``kept`` float64[registers kept, n].
    """
    for line in range(compared.size):
        if compared[line] >= 0:
            for row in range(m):
                kept[compared[line], begin + row] = block.registers[line * block.capacity + row]


@compiled
def compare_all(program, compared, kept, out):
    """Fill in the features that compare the candidates of a list of several blocks.

    ``out`` is float32[n, features]. Several features are compared, then written together:
    writing one alone would touch all of ``out``.
    """
    n, code, outputs = len(out), program.code, program.outputs
    columns = pointer_to(kept)
    value_array, features = np.empty((TILE, n)), np.empty(TILE, np.int64)
    values, waiting = pointer_to(value_array), 0
    for feature in range(outputs.size):
        line = code[outputs[feature]]
        if compares(line[0]):
            its_values = moved(values, waiting * n)
            compare(line[0], moved(columns, compared[line[1]] * n), n, its_values)
            features[waiting], waiting = feature, waiting + 1
        if waiting == TILE or feature + 1 == outputs.size:
            for row in range(n):
                for one in range(waiting):
                    out[row, features[one]] = np.float32(values[one * n + row])
            waiting = 0
    keep((value_array, kept))
