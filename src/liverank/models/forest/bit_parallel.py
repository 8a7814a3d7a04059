"""A forest as ``bits_kernel`` reads it.

A column of keys stands for a feature: a value's key is how many of the column's cuts lie below it,
and a node asks whether the key is above the number of its own cut. NaN has a key of its own choice
where one suits all nodes; where none does, nodes that send NaN left and right read two columns. A
feature with more cuts than a byte counts has several columns too. A node is one word:

    bits 63..40   where its column of keys begins, 64 keys a column
    bits 39..32   number of its cut
    bits 31..16   place of the right child among the group's words
    bits 15..0    place of the left child
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.models.forest.bit_parallel_kernel import GROUP, MOST_LEAVES, bits_kernel
from liverank.models.forest.simd_kernel import BLOCK

_MOST_CUTS = 255
_RUN = 16
_DIGITS = np.where(
    np.arange(MOST_LEAVES)[:, None] >> np.arange(8) & 1, np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
)


class Columns(NamedTuple):
    """Columns of keys, see ``bits_kernel``."""

    features: NDArray[np.uint64]
    missing: NDArray[np.uint8]
    starts: NDArray[np.uint64]
    cuts: NDArray[np.float32]


class Groups(NamedTuple):
    """Nodes in groups of eight trees, level by level; symmetric trees' levels stand at the end."""

    nodes: NDArray[np.uint64]
    starts: NDArray[np.uint64]
    n_roots: NDArray[np.uint64]


class Trees(NamedTuple):
    """What the kernel wants to know of each tree."""

    symmetric: NDArray[np.bool_]
    first: NDArray[np.uint64]
    size: NDArray[np.uint64]
    base: NDArray[np.uint64]


class BitForest(NamedTuple):
    """A packed forest."""

    columns: Columns
    groups: Groups
    trees: Trees
    values: NDArray[np.float64]
    all_symmetric: bool


def score_bits(forest: BitForest, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Margins of rows, float32[n, n_features] that cover every feature in use: float64[n]."""
    margins: NDArray[np.float64] = bits_kernel(
        *forest.columns, *forest.groups, *forest.trees, forest.values, _DIGITS, rows
    )
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
    inner = feature >= 0
    columns, column, cut = _find_columns(feature, threshold, nan_left)
    root = np.repeat(starts[:-1].astype(np.int64), sizes)
    lefts = np.where(inner, root + left, -1)
    depth, code = _trace(starts[:-1].astype(np.int64), lefts)
    tree = np.repeat(np.arange(len(sizes)), sizes)
    question = np.where(inner, column << 8 | cut, -1)
    symmetric = _are_symmetric(tree, depth, question, len(sizes))

    # Leaves stand by tree; in a symmetric tree by their numbers, else in any order.
    leaves = np.flatnonzero(~inner)
    leaves = leaves[np.lexsort((np.where(symmetric[tree[leaves]], code[leaves], 0), tree[leaves]))]
    n_leaves = np.bincount(tree[leaves], minlength=len(sizes))
    base = np.cumsum(n_leaves) - n_leaves

    walked = np.flatnonzero(inner & ~symmetric[tree])
    group = tree // GROUP
    walked = walked[np.lexsort((walked, depth[walked], group[walked]))]
    n_groups = -(-len(sizes) // GROUP)
    n_walked = np.bincount(group[walked], minlength=n_groups)
    group_start = np.concatenate([[0], np.cumsum(n_walked)])
    n_roots = np.bincount(np.arange(len(sizes))[~symmetric] // GROUP, minlength=n_groups)

    # In a group's words its nodes stand first, then the leaves of its trees.
    word = np.zeros(len(feature), np.int64)
    word[walked] = np.arange(len(walked)) - group_start[group[walked]]
    in_words = np.where(symmetric, 0, n_leaves)
    before = np.cumsum(in_words) - in_words
    first_leaf = before - before[np.arange(len(sizes)) // GROUP * GROUP]
    first_leaf += n_walked[np.arange(len(sizes)) // GROUP]
    word[leaves] = first_leaf[tree[leaves]] + np.arange(len(leaves)) - base[tree[leaves]]

    levels = np.flatnonzero(inner & symmetric[tree] & (code == 0))
    levels = levels[np.lexsort((depth[levels], tree[levels]))]
    n_levels = np.bincount(tree[levels], minlength=len(sizes))
    first_level = len(walked) + np.cumsum(n_levels) - n_levels

    packed = column[walked] * BLOCK << 40 | cut[walked] << 32
    packed |= word[lefts[walked] + 1] << 16 | word[lefts[walked]]
    of_levels = column[levels] * BLOCK << 40 | cut[levels] << 32
    return BitForest(
        columns=columns,
        groups=Groups(
            nodes=np.concatenate([packed, of_levels]).astype(np.uint64),
            starts=group_start.astype(np.uint64),
            n_roots=n_roots.astype(np.uint64),
        ),
        trees=Trees(
            symmetric=symmetric,
            first=np.where(symmetric, first_level, first_leaf).astype(np.uint64),
            size=np.where(symmetric, n_levels, n_leaves).astype(np.uint64),
            base=base.astype(np.uint64),
        ),
        values=value[leaves],
        all_symmetric=bool(symmetric.all()),
    )


def _find_columns(
    feature: NDArray[np.int32], threshold: NDArray[np.float32], nan_left: NDArray[np.bool_]
) -> tuple[Columns, NDArray[np.int64], NDArray[np.int64]]:
    """The columns, and for each node its column and the number of its cut."""
    column, cut = np.zeros((2, len(feature)), np.int64)
    features: list[int] = []
    missing: list[int] = []
    blocks: list[NDArray[np.float32]] = []
    by_feature = np.argsort(feature, kind="stable")
    edges = np.searchsorted(feature[by_feature], np.arange(feature.max(initial=-1) + 2))
    for which, (first, end) in enumerate(itertools.pairwise(edges)):
        for nodes, cuts, number, place in _by_missing(by_feature[first:end], threshold, nan_left):
            column[nodes] = len(features) + number // _MOST_CUTS
            cut[nodes] = number % _MOST_CUTS
            for begin in range(0, len(cuts), _MOST_CUTS):
                block = cuts[begin : begin + _MOST_CUTS]
                features.append(which)
                missing.append(int(np.clip(place - begin, 0, len(block))))
                blocks.append(_in_runs(block))
    block_sizes = np.array([len(block) for block in blocks], np.int64)
    columns = Columns(
        features=np.array(features, np.uint64),
        missing=np.array(missing, np.uint8),
        starts=(np.cumsum(block_sizes) - block_sizes).astype(np.uint64),
        cuts=np.concatenate([np.zeros(0, np.float32), *blocks]),
    )
    return columns, column, cut


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
    """Up to 255 rising cuts as ``count_below`` wants them: the last of each run, then the runs."""
    runs = np.full((len(cuts) // _RUN + 1, _RUN), np.inf, np.float32)
    runs.flat[: len(cuts)] = cuts
    lasts = np.full(_RUN, np.inf, np.float32)
    lasts[: len(runs)] = runs[:, -1]
    return np.concatenate([lasts, runs.ravel()])


def _trace(
    roots: NDArray[np.int64], lefts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How deep each node is, and the turns to it as the bits of a number, the first the highest."""
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
    """Which trees ask one question a level; ``question`` is below 0 for leaves."""
    symmetric = np.ones(n_trees, np.bool_)
    order = np.lexsort((depth, tree))
    same_level = (np.diff(tree[order]) == 0) & (np.diff(depth[order]) == 0)
    differs = same_level & (np.diff(question[order]) != 0)
    symmetric[tree[order][1:][differs]] = False
    return symmetric
