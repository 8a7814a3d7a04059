"""Attributions of the margin of a forest or a linear model to its features.

A forest's attributions are Shapley values under the training rows at its nodes (path-dependent
TreeSHAP, Lundberg et al., 2020); those of a linear model are its terms.
Invariant: base + the sum of the attributions is the margin.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.attribution.tree_shap_kernel import paths_kernel, shap_kernel
from liverank.models.forest.forest import LEAF, Forest
from liverank.models.linear.model import Linear, expand
from liverank.models.rows_check import check_rows


@dataclass(frozen=True, eq=False)
class Attributions:
    """Attributions of margins: ``effects`` float64[n, f], and ``base``, the same for every row."""

    effects: NDArray[np.float64]
    base: float

    def __add__(self, other: "Attributions") -> "Attributions":
        return Attributions(self.effects + other.effects, self.base + other.base)


@dataclass(frozen=True, eq=False)
class LeafPaths:
    """The demands of the path to each leaf of a forest; made once, for any rows.

    value         float64[n_leaves]
    leaf_starts   int64[n_leaves + 1], the index of each leaf's first demand
    path_feature  int32[n_demands], the column that each reads
    low, high     float32[n_demands], the bounds of what passes; ``nan_passes`` bool
    share         float64[n_demands], the share of training rows that passed, node after node
    """

    n_features: int
    value: NDArray[np.float64]
    leaf_starts: NDArray[np.int64]
    path_feature: NDArray[np.int32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    nan_passes: NDArray[np.bool_]
    share: NDArray[np.float64]

    @property
    def base(self) -> float:
        """The forest's mean margin over its training rows."""
        reached = np.ones(len(self.value))
        leaf = np.repeat(np.arange(len(self.value)), np.diff(self.leaf_starts))
        np.multiply.at(reached, leaf, self.share)
        return float(self.value @ reached)

    def attribute(self, rows: NDArray[np.float32]) -> Attributions:
        """Attributions of the margins of rows, float32[n, n_features].

        Raises ServingError for rows of another shape.
        """
        check_rows(rows, self.n_features)
        rules = gauss_rules(int(np.diff(self.leaf_starts).max() + 1) // 2)
        demands = (self.path_feature, self.low, self.high, self.nan_passes, self.share)
        effects: NDArray[np.float64] = shap_kernel(
            rows, self.value, self.leaf_starts, demands, rules
        )
        return Attributions(effects, self.base)


def leaf_paths(forest: Forest) -> LeafPaths:
    """The paths to a forest's leaves.

    Raises BundleError for a forest without ``cover``.

    >>> stump = Forest(
    ...     n_features=2,
    ...     starts=np.array([0, 3], np.int32),
    ...     feature=np.array([1, LEAF, LEAF], np.int32),
    ...     threshold=np.array([0.5, 0, 0], np.float32),
    ...     left=np.array([1, 0, 0], np.int32),
    ...     nan_left=np.array([True, False, False]),
    ...     value=np.array([0.0, -1.0, 3.0]),
    ...     cover=np.array([4, 3, 1], np.float32),
    ... )
    >>> parts = leaf_paths(stump).attribute(np.array([[9, 0.7]], np.float32))
    >>> parts.base, parts.effects.round(9).tolist()
    (0.0, [[0.0, 3.0]])
    """
    if forest.cover is None:
        raise BundleError(
            "forest: it has no `cover`, so its margins cannot be attributed; "
            "train again, or convert it with the rows at each node"
        )
    leaf = forest.feature == LEAF
    n_leaves = int(leaf.sum())
    most = _path_lengths(forest)[leaf].sum()
    leaf_starts = np.zeros(n_leaves + 1, np.int64)
    demands = (
        np.empty(most, np.int32),
        np.empty(most, np.float32),
        np.empty(most, np.float32),
        np.empty(most, np.bool_),
        np.empty(most, np.float64),
    )
    trees = (forest.starts, forest.feature, forest.threshold, forest.left, forest.nan_left)
    paths_kernel(trees, forest.cover, leaf_starts, demands)
    n_demands = leaf_starts[-1]
    return LeafPaths(
        forest.n_features,
        forest.value[leaf],
        leaf_starts,
        *(array[:n_demands] for array in demands),
    )


def attribute_linear(linear: Linear, rows: NDArray[np.float32]) -> Attributions:
    """The terms of a linear model: weight x (value - mean of the training rows).

    Raises ServingError for rows of another shape.
    """
    check_rows(rows, linear.n_features)
    values = expand(rows, linear.low, linear.high, linear.logarithmic)
    known = linear.weight * (values - linear.mean)
    effects = np.where(np.isnan(values), linear.missing_weight, known)
    return Attributions(effects, float(linear.intercept[0]))


def _path_lengths(forest: Forest) -> NDArray[np.int64]:
    """Number of nodes above each node: int64[n_nodes]."""
    lengths = np.zeros(len(forest.feature), np.int64)
    roots = np.repeat(forest.starts[:-1], np.diff(forest.starts))
    level = forest.starts[:-1].astype(np.int64)
    depth = 0
    while len(level):
        lengths[level] = depth
        inner = level[forest.feature[level] != LEAF]
        children = roots[inner] + forest.left[inner]
        level, depth = np.concatenate([children, children + 1]).astype(np.int64), depth + 1
    return lengths


@cache
def gauss_rules(most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights on 0 to 1 of rules of 1 to ``most`` points: float64[most + 1, most]."""
    points, weights = np.zeros((2, most + 1, max(most, 1)))
    for q in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(q)
        points[q, :q], weights[q, :q] = (x + 1) / 2, w / 2
    return points, weights
