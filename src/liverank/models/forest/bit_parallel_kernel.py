"""The kernel that scores a forest 64 rows at a time, a bit of a word for each row.

A row's values become keys of one byte: how many of the forest's thresholds lie below. One
comparison then asks a node's question of 64 rows at once, and two operations on words tell which of
them go on to either side, so no step waits for the step of a single row. Eight trees are asked
together, level by level, for the same reason. A symmetric tree needs no more than one comparison a
level: the answers are the bits of a leaf's number.
``liverank.models.forest.bit_parallel`` makes the arrays.
Invariant: trees are added in order, row by row, so the sum is the same in any batch.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.models.forest.simd_kernel import (
    BLOCK,
    count_below,
    number_by_leaves,
    number_by_levels,
    rows_above,
)

GROUP = 8
"""Trees that are asked together."""
MOST_LEAVES = 256
"""Leaves that a tree may have: their numbers are bytes."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW = np.uint64(0xFFFF)
_RIGHT_SHIFT = np.uint64(16)
_BLOCK = np.uint64(BLOCK)


@compiled
def bits_kernel(
    features,
    missing,
    starts,
    cuts,
    nodes,
    group_starts,
    n_roots,
    symmetric,
    firsts,
    sizes,
    bases,
    values,
    digits,
    rows,
):
    """Margins of rows, float32[n, n_features]: float64[n].

    of c columns of keys  features uint64[c], missing uint8[c] (the key of NaN), starts uint64[c]
                          (where a column begins among ``cuts``), cuts float32
    of g groups of trees  nodes uint64, group_starts uint64[g + 1] (of their nodes), n_roots
                          uint64[g] (trees that are not symmetric)
    of t trees            symmetric bool[t], sizes uint64[t] (levels of a symmetric tree, leaves of
                          another), firsts uint64[t] (level among the nodes, leaf among the group's
                          words), bases uint64[t] (of their values)
    digits                uint64[256, 8], see ``number_by_leaves``
    """
    n, n_trees = len(rows), len(symmetric)
    margins = np.zeros(n)
    keys = np.zeros(BLOCK * len(features), np.uint8)
    reach = np.empty(2 * MOST_LEAVES * GROUP, np.uint64)
    numbers = np.zeros(GROUP * BLOCK, np.uint8)
    for first in range(0, n, BLOCK):
        block = rows[first : first + BLOCK]
        sums = margins[first : first + BLOCK]
        fill_keys(keys, features, missing, starts, cuts, block)
        for group in range(len(n_roots)):
            descend(
                reach, keys, nodes, group_starts[group], group_starts[group + 1], n_roots[group]
            )
            first_tree = group * GROUP
            n_here = min(GROUP, n_trees - first_tree)
            for place in range(n_here):
                tree = np.uint64(first_tree + place)
                at = np.uint64(place) * _BLOCK
                if sizes[tree] == 0:
                    numbers[place * BLOCK : (place + 1) * BLOCK] = 0
                elif symmetric[tree]:
                    number_by_levels(keys, nodes, firsts[tree], sizes[tree], numbers, at)
                else:
                    number_by_leaves(reach, firsts[tree], sizes[tree], digits, numbers, at)
            add_leaves(sums, numbers, values, bases[first_tree : first_tree + n_here])
    return margins


@compiled
def fill_keys(keys, features, missing, starts, cuts, rows):
    """Turn up to 64 rows into keys, column by column; places without a row keep what they had."""
    for column in range(len(features)):
        feature, start = features[column], starts[column]
        at = np.uint64(column) * _BLOCK
        for row in range(len(rows)):
            value = rows[np.uint64(row), feature]
            key = np.uint8(count_below(cuts, start, value))
            keys[at + np.uint64(row)] = missing[column] if np.isnan(value) else key


@compiled
def descend(reach, keys, nodes, first, end, n_roots):
    """Find the rows that reach each node and leaf of a group's trees, parents before children."""
    for root in range(n_roots):
        reach[np.uint64(root)] = _ALL
    for place in range(end - first):
        node = nodes[first + np.uint64(place)]
        here = reach[np.uint64(place)]
        right = rows_above(keys, node)
        reach[node & _LOW] = here & ~right
        reach[(node >> _RIGHT_SHIFT) & _LOW] = here & right


@compiled
def add_leaves(sums, numbers, values, bases):
    """Add to each row's sum the values of its leaves, tree by tree in their order."""
    if len(bases) == GROUP:
        a, b, c, d = bases[0], bases[1], bases[2], bases[3]
        e, f, g, h = bases[4], bases[5], bases[6], bases[7]
        for row in range(len(sums)):
            at = np.uint64(row)
            total = sums[at]
            total += values[a + np.uint64(numbers[at])]
            total += values[b + np.uint64(numbers[at + _BLOCK])]
            total += values[c + np.uint64(numbers[at + np.uint64(2) * _BLOCK])]
            total += values[d + np.uint64(numbers[at + np.uint64(3) * _BLOCK])]
            total += values[e + np.uint64(numbers[at + np.uint64(4) * _BLOCK])]
            total += values[f + np.uint64(numbers[at + np.uint64(5) * _BLOCK])]
            total += values[g + np.uint64(numbers[at + np.uint64(6) * _BLOCK])]
            total += values[h + np.uint64(numbers[at + np.uint64(7) * _BLOCK])]
            sums[at] = total
    else:
        for place in range(len(bases)):
            for row in range(len(sums)):
                at = np.uint64(place) * _BLOCK + np.uint64(row)
                sums[row] += values[bases[place] + np.uint64(numbers[at])]
