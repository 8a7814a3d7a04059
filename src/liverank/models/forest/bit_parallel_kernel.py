"""The kernel that scores a forest 64 rows at a time, a bit of a word for each row.

A row's values become keys of one byte: the number of the forest's thresholds that are smaller. One
comparison then evaluates a node's split for 64 rows, and two operations on words give the rows that
go to either child, so that no step depends on a single row. For the same reason eight trees are
evaluated together, level by level. A symmetric tree needs only one comparison a level: the results
are the bits of a leaf's number. ``liverank.models.forest.bit_parallel`` makes the arrays.
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
"""Trees that are evaluated together."""
MOST_LEAVES = 256
"""Largest number of leaves of a tree: leaf numbers are bytes."""

COLUMN_FEATURE, COLUMN_MISSING, COLUMN_CUTS = 0, 1, 2
"""Fields of ``columns``, for a column of keys: its feature, the key of NaN, and the index of its
first cut."""
GROUP_NODES, GROUP_ROOTS = 0, 1
"""Fields of ``groups``, for a group of trees: the index of its first node, and the number of its
trees that are not symmetric."""
TREE_SYMMETRIC, TREE_FIRST, TREE_SIZE, TREE_VALUES = 0, 1, 2, 3
"""Fields of ``trees``, for a tree: 1 if it is symmetric, else 0; the index of its first level among
the nodes (symmetric), or of its first leaf among the group's words; the number of its levels or
leaves; and the index of its first leaf's value."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW = np.uint64(0xFFFF)
_RIGHT_SHIFT = np.uint64(16)
_BLOCK = np.uint64(BLOCK)
_DIGITS = np.where(np.arange(MOST_LEAVES)[:, None] >> np.arange(8) & 1, _ALL, np.uint64(0))
"""The bits of each leaf number, uint64[256, 8], see ``number_by_leaves``."""


@compiled
def bits_kernel(columns, cuts, nodes, groups, trees, values, rows):
    """Margins of rows, float32[n, n_features]: float64[n].

    columns  uint64[n_columns, 3], see ``COLUMN_FEATURE``
    cuts     float32[n_cuts], the thresholds of each column, see ``count_below``
    nodes    uint64[n_nodes], group after group, then the levels of the symmetric trees
    groups   uint64[n_groups + 1, 2], see ``GROUP_NODES``; the last row is the end of the nodes
    trees    uint64[n_trees, 4], see ``TREE_SYMMETRIC``
    values   float64[n_leaves], tree by tree
    """
    n, n_trees = len(rows), len(trees)
    margins = np.zeros(n)
    keys = np.zeros(BLOCK * len(columns), np.uint8)
    reach = np.empty(2 * MOST_LEAVES * GROUP, np.uint64)
    numbers = np.zeros(GROUP * BLOCK, np.uint8)
    for first in range(0, n, BLOCK):
        block = rows[first : first + BLOCK]
        sums = margins[first : first + BLOCK]
        fill_keys(keys, columns, cuts, block)
        for group in range(len(groups) - 1):
            begin, end = groups[group, GROUP_NODES], groups[group + 1, GROUP_NODES]
            descend(reach, keys, nodes, begin, end, groups[group, GROUP_ROOTS])
            first_tree = group * GROUP
            members = trees[first_tree : min(first_tree + GROUP, n_trees)]
            for member in range(len(members)):
                at = np.uint64(member) * _BLOCK
                start, size = members[member, TREE_FIRST], members[member, TREE_SIZE]
                if size == 0:
                    numbers[member * BLOCK : (member + 1) * BLOCK] = 0
                elif members[member, TREE_SYMMETRIC]:
                    number_by_levels(keys, nodes, start, size, numbers, at)
                else:
                    number_by_leaves(reach, start, size, _DIGITS, numbers, at)
            add_leaves(sums, numbers, values, members[:, TREE_VALUES])
    return margins


@compiled
def fill_keys(keys, columns, cuts, rows):
    """Turn up to 64 rows into keys, column by column; slots without a row keep their old keys."""
    for column in range(len(columns)):
        feature = columns[column, COLUMN_FEATURE]
        start = columns[column, COLUMN_CUTS]
        missing = np.uint8(columns[column, COLUMN_MISSING])
        at = np.uint64(column) * _BLOCK
        for row in range(len(rows)):
            value = rows[np.uint64(row), feature]
            key = np.uint8(count_below(cuts, start, value))
            keys[at + np.uint64(row)] = missing if np.isnan(value) else key


@compiled
def descend(reach, keys, nodes, first, end, n_roots):
    """Write the rows that reach each node and leaf of a group, parents before children.

    A word of ``reach`` has a bit for each of the 64 rows; the nodes are ``first`` to ``end``.
    """
    for root in range(n_roots):
        reach[np.uint64(root)] = _ALL
    for index in range(end - first):
        node = nodes[first + np.uint64(index)]
        here = reach[np.uint64(index)]
        right = rows_above(keys, node)
        reach[node & _LOW] = here & ~right
        reach[(node >> _RIGHT_SHIFT) & _LOW] = here & right


@compiled
def add_leaves(sums, numbers, values, bases):
    """Add to each row's sum the values of its leaves, tree by tree in their order.

    ``bases`` uint64[n_trees] are the indexes of the trees' first values.
    """
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
        for tree in range(len(bases)):
            for row in range(len(sums)):
                at = np.uint64(tree) * _BLOCK + np.uint64(row)
                sums[row] += values[bases[tree] + np.uint64(numbers[at])]
