"""Kernels that read fields of the user, the item or the request."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.memory.index import MISSING
from liverank.features.kernels.memory.pointers import as_float64, as_uint64
from liverank.features.kernels.opcodes import FIELD, LEVEL, SAME
from liverank.features.layout.constants import ENTITY_ITEM, ENTITY_REQUEST


@compiled
def fill_fields(store, levels, instruction, visitor, block, m):
    """Run FIELD, LEVEL or SAME for the candidates of a block.

    ``levels`` is uint64[...]: the hashes of category levels.
    """
    code, out = instruction.code, instruction.out
    what, at = code[0], visitor.at
    for row in range(m):
        if row > 0 and what != SAME and code[1] != ENTITY_ITEM:  # the same for all candidates
            out[row] = out[0]
            continue
        out[row] = np.nan
        source, base = _entity(store, visitor, code[1], block.items[row])
        if base < 0:
            continue
        if what == LEVEL:
            level_hash = as_uint64(source)[base + code[2]]
            if level_hash != np.uint64(0):
                for level in range(code[3], code[4]):
                    if levels[level] == level_hash:
                        out[row] = level - code[3]
        elif what == FIELD:
            value = source[base + code[2]]
            out[row] = (at - value) / 1000.0 if code[3] else value
        else:
            other, other_base = _entity(store, visitor, code[4], block.items[row])
            if other_base >= 0:
                out[row] = _shared(
                    source, base + code[2], code[3], other, other_base + code[5], code[6]
                )


@compiled
def _entity(store, visitor, entity, item):
    """Location of an entity's words: a pointer and the first word, or -1 for an unknown entity."""
    if entity == ENTITY_REQUEST:
        return as_float64(visitor.request), np.int64(0)
    row = item if entity == ENTITY_ITEM else visitor.row
    return store.words, row if row != MISSING else np.int64(-1)


@compiled
def _shared(left, left_word, left_list, right, right_word, right_list):
    """How many values two fields have in common; NaN where one is unknown."""
    left_count, right_count = np.int64(1), np.int64(1)
    if left_list:
        left_count = list_size(left, left_word)
        left_word += 1
    if right_list:
        right_count = list_size(right, right_word)
        right_word += 1
    left_bits, right_bits = as_uint64(left), as_uint64(right)
    shared, known_left, known_right = 0, False, False
    for i in range(left_count):
        for j in range(right_count):
            one, other = left_bits[left_word + i], right_bits[right_word + j]
            known_left |= one != np.uint64(0)
            known_right |= other != np.uint64(0)
            if one == other and one != np.uint64(0):
                shared += 1
    return float(shared) if known_left and known_right else np.nan
