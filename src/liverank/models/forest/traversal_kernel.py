"""The kernel that takes eight rows at a time down a tree, and the arrays that it reads.

It is used for few rows, and for trees too large for ``bits_kernel``.

A node is one 64-bit word, so that a step costs one load of it and one of the row's value:

    bits 63..32   threshold, as a key: an unsigned integer that sorts as the float does
    bits 31..16   column of the block of keys
    bits 15..0    index of the left child in its tree; of a leaf, its own index

A leaf's threshold is the largest key, so a row that has reached a leaf stays there. Rows go down a
tree eight at a time, so that their waits for memory overlap. NaN is a key too: the smallest where
it goes left, the largest where it goes right; a feature whose nodes disagree has two columns.
Invariant: trees are added in order, row by row, so the sum is the same in any batch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled
from liverank.errors import TrainingError

LANES = 8
MOST = 1 << 16
"""Columns of a forest, and nodes of a tree, at most."""

_LEAF_KEY = np.uint64(0xFFFFFFFF)
_LOW = np.uint64(0xFFFF)
_COLUMN_SHIFT = np.uint64(16)
_KEY_SHIFT = np.uint64(32)


@dataclass(frozen=True, eq=False)
class WalkForest:
    """A forest as the kernel reads it.

    nodes     uint64[n_nodes]
    values    float64[n_nodes]
    starts    uint64[n_trees], the root of each tree
    features  uint64[n_columns], the feature that a column of keys is made of
    missing   uint32[n_columns], the key of NaN in it
    """

    nodes: NDArray[np.uint64]
    values: NDArray[np.float64]
    starts: NDArray[np.uint64]
    features: NDArray[np.uint64]
    missing: NDArray[np.uint32]


def pack_walk(
    starts: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    left: NDArray[np.int32],
    nan_left: NDArray[np.bool_],
    value: NDArray[np.float64],
) -> WalkForest:
    """Pack the arrays of a sound ``liverank.models.forest.forest.Forest``.

    Raises TrainingError when a tree or the columns exceed ``MOST``.
    """
    sizes = np.diff(starts)
    inner = feature >= 0
    # One column for each feature and direction of NaN in use, numbered in that order.
    wanted = feature.astype(np.int64) * 2 + nan_left
    columns = np.unique(wanted[inner])
    if len(columns) > MOST or (len(sizes) and sizes.max() > MOST):
        raise TrainingError(f"a forest may have {MOST} columns and {MOST} nodes a tree at most")
    index = np.arange(len(inner)) - np.repeat(starts[:-1], sizes)
    key = np.where(inner, sort_keys(threshold).astype(np.uint64), _LEAF_KEY)
    column = np.where(inner, np.searchsorted(columns, wanted), 0).astype(np.uint64)
    next_index = np.where(inner, left, index).astype(np.uint64)
    return WalkForest(
        nodes=(key << _KEY_SHIFT) | (column << _COLUMN_SHIFT) | next_index,
        values=value,
        starts=starts[:-1].astype(np.uint64),
        features=(columns // 2).astype(np.uint64),
        missing=np.where(columns % 2 == 1, 0, 0xFFFFFFFF).astype(np.uint32),
    )


def sort_keys(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Unsigned integers that sort as the floats do; the two zeros have one key.

    >>> keys = sort_keys(np.array([-np.inf, -1.0, -0.0, 0.0, 1e-45, np.inf], np.float32))
    >>> np.sign(np.diff(keys.astype(np.int64))).tolist()
    [1, 1, 0, 1, 1]
    """
    bits = (values + np.float32(0)).view(np.uint32)  # -0.0 + 0.0 is 0.0
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(0x80000000))


def score_walk(packed: WalkForest, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Margins of rows, float32[n, n_features] that cover every feature in use: float64[n]."""
    margins: NDArray[np.float64] = walk_kernel(
        packed.nodes, packed.values, packed.starts, packed.features, packed.missing, rows
    )
    return margins


@compiled
def walk_kernel(
    nodes: NDArray[np.uint64],
    values: NDArray[np.float64],
    starts: NDArray[np.uint64],
    features: NDArray[np.uint64],
    missing: NDArray[np.uint32],
    rows: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Sum of the leaves' values: float64[n] of rows float32[n, n_features].

    The other arrays are those of ``WalkForest``. Unsigned indexes avoid numba's checks of signs.
    """
    n = len(rows)
    margins = np.zeros((n + LANES - 1) // LANES * LANES)
    width = np.uint64(len(features))
    keys = np.zeros(LANES * len(features), np.uint32)  # keys of eight rows, row by row
    for first in range(0, n, LANES):
        fill_keys(keys, features, missing, rows[first : first + LANES])
        sums = margins[first : first + LANES]
        for root in starts:
            a = b = c = d = e = f = g = h = root
            while True:
                at_a, at_b, at_c, at_d = nodes[a], nodes[b], nodes[c], nodes[d]
                at_e, at_f, at_g, at_h = nodes[e], nodes[f], nodes[g], nodes[h]
                if (
                    at_a & at_b & at_c & at_d & at_e & at_f & at_g & at_h
                ) >> _KEY_SHIFT == _LEAF_KEY:
                    break
                a = root + step(at_a, keys, np.uint64(0))
                b = root + step(at_b, keys, width)
                c = root + step(at_c, keys, np.uint64(2) * width)
                d = root + step(at_d, keys, np.uint64(3) * width)
                e = root + step(at_e, keys, np.uint64(4) * width)
                f = root + step(at_f, keys, np.uint64(5) * width)
                g = root + step(at_g, keys, np.uint64(6) * width)
                h = root + step(at_h, keys, np.uint64(7) * width)
            sums[0] += values[a]
            sums[1] += values[b]
            sums[2] += values[c]
            sums[3] += values[d]
            sums[4] += values[e]
            sums[5] += values[f]
            sums[6] += values[g]
            sums[7] += values[h]
    return margins[:n]


@compiled
def step(node: np.uint64, keys: NDArray[np.uint32], row: np.uint64) -> np.uint64:
    """The index in its tree of the node after this one, for the keys that begin at ``row``."""
    key = np.uint64(keys[row + ((node >> _COLUMN_SHIFT) & _LOW)])
    return (node & _LOW) + np.uint64(key > (node >> _KEY_SHIFT))


@compiled
def fill_keys(
    keys: NDArray[np.uint32],
    features: NDArray[np.uint64],
    missing: NDArray[np.uint32],
    rows: NDArray[np.float32],
) -> None:
    """Turn up to eight rows into sort keys; lanes without a row keep their old keys."""
    bits = rows.view(np.uint32)
    width = len(features)
    for row in range(len(rows)):
        for column in range(width):
            feature = features[column]
            value = bits[row, feature]
            if np.isnan(rows[row, feature]):
                keys[row * width + column] = missing[column]
            elif value == np.uint32(0x80000000):  # -0.0
                keys[row * width + column] = value
            elif value >> np.uint32(31):
                keys[row * width + column] = ~value
            else:
                keys[row * width + column] = value | np.uint32(0x80000000)
