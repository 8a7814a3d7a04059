"""A forest packed into the arrays that ``bits_kernel`` reads.

A column of keys stands for a feature: a value's key is the number of the column's cuts (distinct
thresholds) below it, and a row goes right at a node where its key is above the number of the node's
cut. NaN gets a key that sends it the right way at every node; where no key does, the nodes that
send NaN left and those that send it right read two columns. A feature with more cuts than a byte
can count has several columns too. A node is one word:

    bits 63..40   index of the first key of its column, 64 keys a column
    bits 39..32   number of its cut
    bits 31..16   index of the right child among the group's words
    bits 15..0    index of the left child
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.models.forest.bit_parallel_kernel import (
    COLUMN_CUTS,
    COLUMN_FEATURE,
    COLUMN_MISSING,
    GROUP,
    GROUP_NODES,
    GROUP_ROOTS,
    MOST_LEAVES,
    TREE_FIRST,
    TREE_SIZE,
    TREE_SYMMETRIC,
    TREE_VALUES,
    bits_kernel,
)
from liverank.models.forest.simd_kernel import BLOCK

Ints = NDArray[np.int64]
_MOST_CUTS = 255
_RUN = 16


class BitForest(NamedTuple):
    """The arrays that ``bits_kernel`` takes, and whether all trees are symmetric."""

    columns: NDArray[np.uint64]
    cuts: NDArray[np.float32]
    nodes: NDArray[np.uint64]
    groups: NDArray[np.uint64]
    trees: NDArray[np.uint64]
    values: NDArray[np.float64]
    all_symmetric: bool


class _Nodes(NamedTuple):
    """The nodes of all trees, in the order of ``Forest``; an entry a node.

    tree, depth   int64, the number of its tree, and the number of nodes above it
    code          int64, the turns from the root as bits, the first turn the highest, right being 1
    is_inner      bool, whether it has children; ``lefts`` is the index of the left one, else -1
    column, cut   int64, the column of keys that it reads, and the number of its cut there
    is_symmetric  bool[n_trees], whether a tree has one split a level
    """

    tree: Ints
    depth: Ints
    code: Ints
    is_inner: NDArray[np.bool_]
    lefts: Ints
    column: Ints
    cut: Ints
    is_symmetric: NDArray[np.bool_]


def score_bits(forest: BitForest, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Margins of rows, float32[n, n_features] that cover every feature in use: float64[n]."""
    margins: NDArray[np.float64] = bits_kernel(*forest[:-1], rows)
    return margins


def pack_bits(
    starts: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    left: NDArray[np.int32],
    nan_left: NDArray[np.bool_],
    value: NDArray[np.float64],
) -> BitForest | None:
    """Pack the arrays of a sound ``Forest``; None when a tree has more than ``MOST_LEAVES``."""
    sizes = np.diff(starts).astype(np.int64)
    if len(sizes) and sizes.max() >= 2 * MOST_LEAVES:
        return None
    columns, cuts, column, cut = _find_columns(feature, threshold, nan_left)
    is_inner = feature >= 0
    lefts = np.where(is_inner, np.repeat(starts[:-1].astype(np.int64), sizes) + left, -1)
    depth, code = _trace(starts[:-1].astype(np.int64), lefts)
    tree = np.repeat(np.arange(len(sizes)), sizes)
    question = np.where(is_inner, column << 8 | cut, -1)
    is_symmetric = _are_symmetric(tree, depth, question, len(sizes))
    nodes = _Nodes(tree, depth, code, is_inner, lefts, column, cut, is_symmetric)

    leaves = _order_leaves(nodes)
    n_leaves = np.bincount(tree[leaves], minlength=len(sizes))
    words, groups, first_leaf = _pack_groups(nodes, leaves, n_leaves)
    levels, n_levels = _pack_levels(nodes)
    first_level = len(words) + np.cumsum(n_levels) - n_levels
    trees = np.empty((len(sizes), 4), np.uint64)
    trees[:, TREE_SYMMETRIC] = is_symmetric
    trees[:, TREE_FIRST] = np.where(is_symmetric, first_level, first_leaf)
    trees[:, TREE_SIZE] = np.where(is_symmetric, n_levels, n_leaves)
    trees[:, TREE_VALUES] = np.cumsum(n_leaves) - n_leaves
    return BitForest(
        columns=columns,
        cuts=cuts,
        nodes=np.concatenate([words, levels]).astype(np.uint64),
        groups=groups,
        trees=trees,
        values=value[leaves],
        all_symmetric=bool(is_symmetric.all()),
    )


def _order_leaves(nodes: _Nodes) -> Ints:
    """The leaves by tree; in a symmetric tree by their numbers, else in the order of the nodes."""
    leaves = np.flatnonzero(~nodes.is_inner)
    tree = nodes.tree[leaves]
    number = np.where(nodes.is_symmetric[tree], nodes.code[leaves], 0)
    return leaves[np.lexsort((number, tree))]


def _pack_groups(
    nodes: _Nodes, leaves: Ints, n_leaves: Ints
) -> tuple[Ints, NDArray[np.uint64], Ints]:
    """The packed nodes of trees that are not symmetric, ``groups``, and each tree's first leaf.

    A group has a word for each node and, after the nodes, for each leaf of its trees. A node names
    its children by the indexes of their words.
    """
    n_trees = len(n_leaves)
    walked = np.flatnonzero(nodes.is_inner & ~nodes.is_symmetric[nodes.tree])
    group = nodes.tree // GROUP
    walked = walked[np.lexsort((walked, nodes.depth[walked], group[walked]))]
    n_groups = -(-n_trees // GROUP)
    n_walked = np.bincount(group[walked], minlength=n_groups)
    groups = np.zeros((n_groups + 1, 2), np.uint64)
    groups[1:, GROUP_NODES] = np.cumsum(n_walked)
    groups[:-1, GROUP_ROOTS] = np.bincount(
        np.arange(n_trees)[~nodes.is_symmetric] // GROUP, minlength=n_groups
    )

    word = np.zeros(len(nodes.tree), np.int64)
    group_start = groups[:, GROUP_NODES].astype(np.int64)
    word[walked] = np.arange(len(walked)) - group_start[group[walked]]
    in_words = np.where(nodes.is_symmetric, 0, n_leaves)
    before = np.cumsum(in_words) - in_words
    first_leaf = before - before[np.arange(n_trees) // GROUP * GROUP]
    first_leaf += n_walked[np.arange(n_trees) // GROUP]
    base = np.cumsum(n_leaves) - n_leaves
    leaf_tree = nodes.tree[leaves]
    word[leaves] = first_leaf[leaf_tree] + np.arange(len(leaves)) - base[leaf_tree]

    packed = _questions(nodes, walked)
    packed |= word[nodes.lefts[walked] + 1] << 16 | word[nodes.lefts[walked]]
    return packed, groups, first_leaf


def _pack_levels(nodes: _Nodes) -> tuple[Ints, Ints]:
    """The packed levels of symmetric trees, tree by tree, and the number of levels of each tree."""
    in_symmetric = nodes.is_symmetric[nodes.tree]
    levels = np.flatnonzero(nodes.is_inner & in_symmetric & (nodes.code == 0))
    levels = levels[np.lexsort((nodes.depth[levels], nodes.tree[levels]))]
    n_levels = np.bincount(nodes.tree[levels], minlength=len(nodes.is_symmetric))
    return _questions(nodes, levels), n_levels


def _questions(nodes: _Nodes, which: Ints) -> Ints:
    """The bits of a word that encode a node's column and the number of its cut."""
    return nodes.column[which] * BLOCK << 40 | nodes.cut[which] << 32


def _find_columns(
    feature: NDArray[np.int32], threshold: NDArray[np.float32], nan_left: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.float32], Ints, Ints]:
    """``columns`` and ``cuts`` of the kernel; the column and the number of the cut of each node."""
    column, cut = np.zeros((2, len(feature)), np.int64)
    features: list[int] = []
    missing: list[int] = []
    blocks: list[NDArray[np.float32]] = []
    by_feature = np.argsort(feature, kind="stable")
    edges = np.searchsorted(feature[by_feature], np.arange(feature.max(initial=-1) + 2))
    for which, (first, end) in enumerate(itertools.pairwise(edges)):
        for nodes, cuts, number, nan_key in _by_missing(by_feature[first:end], threshold, nan_left):
            column[nodes] = len(features) + number // _MOST_CUTS
            cut[nodes] = number % _MOST_CUTS
            for begin in range(0, len(cuts), _MOST_CUTS):
                block = cuts[begin : begin + _MOST_CUTS]
                features.append(which)
                missing.append(int(np.clip(nan_key - begin, 0, len(block))))
                blocks.append(_in_runs(block))
    block_sizes = np.array([len(block) for block in blocks], np.int64)
    columns = np.empty((len(blocks), 3), np.uint64)
    columns[:, COLUMN_FEATURE] = features
    columns[:, COLUMN_MISSING] = missing
    columns[:, COLUMN_CUTS] = np.cumsum(block_sizes) - block_sizes
    return columns, np.concatenate([np.zeros(0, np.float32), *blocks]), column, cut


def _by_missing(
    nodes: NDArray[np.int64], threshold: NDArray[np.float32], nan_left: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], int]]:
    """Nodes of one feature that agree on a key for NaN: their cuts, each one's number, the key."""
    if len(nodes) == 0:
        return
    cuts, number = np.unique(threshold[nodes], return_inverse=True)
    goes_left = nan_left[nodes]
    above_all = int(number[~goes_left].max(initial=-1)) + 1
    if above_all <= number[goes_left].min(initial=len(cuts)):
        yield nodes, cuts, number, above_all
    else:
        yield from _by_missing(nodes[goes_left], threshold, nan_left)
        yield from _by_missing(nodes[~goes_left], threshold, nan_left)


def _in_runs(cuts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Up to 255 rising cuts as ``count_below`` reads them: the last of each run, then the runs."""
    runs = np.full((len(cuts) // _RUN + 1, _RUN), np.inf, np.float32)
    runs.flat[: len(cuts)] = cuts
    lasts = np.full(_RUN, np.inf, np.float32)
    lasts[: len(runs)] = runs[:, -1]
    return np.concatenate([lasts, runs.ravel()])


def _trace(
    roots: NDArray[np.int64], lefts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The depth of each node, and the turns to it as bits of a number, the first the highest."""
    depth, code = np.zeros((2, len(lefts)), np.int64)
    here = roots
    while len(here):
        here = here[lefts[here] >= 0]
        for turn in (0, 1):
            depth[lefts[here] + turn] = depth[here] + 1
            code[lefts[here] + turn] = 2 * code[here] + turn
        here = np.concatenate([lefts[here], lefts[here] + 1])
    return depth, code


def _are_symmetric(
    tree: NDArray[np.int64], depth: NDArray[np.int64], question: NDArray[np.int64], n_trees: int
) -> NDArray[np.bool_]:
    """Which trees have one split a level; ``question`` is below 0 for leaves."""
    symmetric = np.ones(n_trees, np.bool_)
    order = np.lexsort((depth, tree))
    same_level = (np.diff(tree[order]) == 0) & (np.diff(depth[order]) == 0)
    differs = same_level & (np.diff(question[order]) != 0)
    symmetric[tree[order][1:][differs]] = False
    return symmetric
