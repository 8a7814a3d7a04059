"""Joins trees of other libraries into a Forest.

Every importer describes a tree by the two children of each node, in any numbering; here the nodes
are put in the order of a Forest. Invariant: nodes that no path reaches are left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.models.forest.forest import LEAF, Forest


class Tree(NamedTuple):
    """One tree, its root first, other nodes in any order; arrays with an entry for each node.

    children   int64[n, 2], left and right; any below zero for a leaf
    feature    int64[n], the column a node reads
    threshold  float32[n]; a row goes left when its value is at most this
    nan_left   bool[n], whether NaN goes left
    value      float64[n], what a leaf adds
    cover      float64[n], how many training rows (or how much weight) reached a node
    """

    children: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    cover: NDArray[np.float64]


def join(trees: Sequence[Tree], n_features: int) -> Forest:
    """Join trees into a Forest, in their order.

    >>> stump = Tree(
    ...     children=np.array([[2, 1], [-1, -1], [-1, -1]]),
    ...     feature=np.zeros(3, np.int64),
    ...     threshold=np.array([0.5, 0, 0], np.float32),
    ...     nan_left=np.zeros(3, np.bool_),
    ...     value=np.array([0.0, 9.0, 4.0]),
    ...     cover=np.array([10.0, 3.0, 7.0]),
    ... )
    >>> join([stump], 1).margin(np.array([[0.5], [0.6]], np.float32)).tolist()
    [4.0, 9.0]
    """
    orders = [_breadth_first(tree.children) for tree in trees]
    sizes = [len(source) for source, _ in orders]

    def gather(name: str) -> NDArray[Any]:
        parts = [getattr(tree, name)[order] for tree, (order, _) in zip(trees, orders, strict=True)]
        return np.concatenate(parts)

    leaf = gather("children")[:, 0] < 0
    return Forest(
        n_features=n_features,
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        feature=np.where(leaf, LEAF, gather("feature")).astype(np.int32),
        threshold=np.where(leaf, 0, gather("threshold")).astype(np.float32),
        left=np.concatenate([left for _, left in orders]),
        nan_left=~leaf & gather("nan_left").astype(np.bool_),
        value=np.where(leaf, gather("value"), 0.0).astype(np.float64),
        cover=gather("cover").astype(np.float32),
    )


def leaf_tree(value: float, cover: float) -> Tree:
    """A tree that adds the same value to every row."""
    return Tree(
        children=np.full((1, 2), -1),
        feature=np.zeros(1, np.int64),
        threshold=np.zeros(1, np.float32),
        nan_left=np.zeros(1, np.bool_),
        value=np.array([value], np.float64),
        cover=np.array([cover], np.float64),
    )


def _breadth_first(children: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The old index of each node in the new order, and the new index of its left child."""
    pairs = children.tolist()
    source, left = [0], []
    for node in source:  # grows as it is read
        below = pairs[node]
        left.append(len(source) if below[0] >= 0 else 0)
        if below[0] >= 0:
            source.extend(below)
    return np.array(source, np.int64), np.array(left, np.int32)
