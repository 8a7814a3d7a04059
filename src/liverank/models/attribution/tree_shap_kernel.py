"""Kernels of attributions: the path to each leaf, and each feature's Shapley value.

A leaf's path has one demand for each of its features: a range of values, or NaN. With one[j] = 1
where a row meets the demand on feature j, else 0, and share[j] the share of the training rows at
those nodes that meet it, the leaf adds to feature i (Lundberg et al., 2020, algorithm 1)

    value x (one[i] - share[i]) x the mean, over the sizes of sets of the other features and over
                                  sets of a size, of product(one in the set) product(share outside)

and that mean is the integral over t from 0 to 1 of product(share[j] (1 - t) + one[j] t), j not i: a
polynomial, so Gauss's rule with half as many points as features computes it exactly.
Invariant: a row's attributions do not depend on the rows explained with it.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled

LANES = 32
"""Rows explained at a time."""

Trees: TypeAlias = tuple[
    NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], NDArray[np.bool_]
]
Demands: TypeAlias = tuple[
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.bool_],
    NDArray[np.float64],
]
"""The demands of paths, one entry each: the feature, the bounds low and high, whether NaN passes,
and the share of training rows that passed. A value x passes unless x <= low or x > high, where a
bound of NaN is no bound. A plain tuple: numba's dispatcher takes longer for a named one."""

Rules: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Points and weights on 0 to 1; row q of each is Gauss's rule of q points."""
Span: TypeAlias = tuple[int, int, int]
"""A leaf's first demand, the end of its demands, and the number of rows of the block."""


@compiled
def paths_kernel(
    trees: Trees, cover: NDArray[np.float32], leaf_starts: NDArray[np.int64], demands: Demands
) -> None:
    """Fill in the demands of the path to each leaf, in the order of the leaves.

    trees        the forest's ``starts``, ``feature``, ``threshold``, ``left`` and ``nan_left``
    cover        float32[n_nodes], training rows that reached each node
    leaf_starts  int64[n_leaves + 1], filled with the index of each leaf's first demand
    demands      arrays to fill, long enough for a demand of each node of each path
    """
    starts, feature, threshold, left, nan_left = trees
    path_feature, low, high, nan_passes, share = demands
    n_leaves, end = 0, 0
    parents = np.empty(np.diff(starts).max(), np.int64)
    for tree in range(len(starts) - 1):
        root = starts[tree]
        for node in range(root, starts[tree + 1]):
            if feature[node] >= 0:
                parents[left[node]] = node
                parents[left[node] + 1] = node
                continue
            begin, child = end, node
            while child > root:
                parent = parents[child - root]
                goes_left = child - root == left[parent]
                at = begin
                while at < end and path_feature[at] != feature[parent]:
                    at += 1
                if at == end:
                    path_feature[at] = feature[parent]
                    low[at], high[at] = np.nan, np.nan
                    nan_passes[at], share[at] = True, 1.0
                    end += 1
                bound = threshold[parent]
                if goes_left:
                    if not high[at] <= bound:
                        high[at] = bound
                elif not low[at] >= bound:
                    low[at] = bound
                nan_passes[at] &= nan_left[parent] == goes_left
                share[at] *= share_of(cover, root + left[parent], goes_left)
                child = parent
            n_leaves += 1
            leaf_starts[n_leaves] = end


@compiled
def share_of(cover: NDArray[np.float32], left: int, goes_left: bool) -> float:
    """The share of a node's rows that went to one child; 0.5 where no row reached the node."""
    total = np.float64(cover[left]) + np.float64(cover[left + 1])
    if total == 0:
        return 0.5
    return np.float64(cover[left if goes_left else left + 1]) / total


@compiled
def shap_kernel(
    rows: NDArray[np.float32],
    value: NDArray[np.float64],
    leaf_starts: NDArray[np.int64],
    demands: Demands,
    rules: Rules,
) -> NDArray[np.float64]:
    """Shapley values of rows, float32[n, f]: float64[n, f].

    value        float64[n_leaves]
    leaf_starts  int64[n_leaves + 1], the index of each leaf's first demand
    """
    n, f = rows.shape
    longest = np.diff(leaf_starts).max()
    effects = np.empty((n, f))
    columns = np.empty((f, LANES), np.float32)  # the rows of a block, feature by feature
    sums = np.empty((f, LANES))
    one = np.empty((longest, LANES))
    products = np.empty(((longest + 1) // 2, LANES))
    mean = np.empty(LANES)
    for first in range(0, n, LANES):
        count = min(LANES, n - first)
        for lane in range(count):
            for j in range(f):
                columns[j, lane] = rows[first + lane, j]
        sums[:] = 0
        for leaf in range(len(value)):
            span = leaf_starts[leaf], leaf_starts[leaf + 1], count
            fill_passes(one, columns, demands, span)
            fill_products(products, one, demands[4], value[leaf], rules, span)
            add_effects(sums, mean, products, one, demands, rules[0], span)
        for lane in range(count):
            for j in range(f):
                effects[first + lane, j] = sums[j, lane]
    return effects


@compiled
def fill_passes(
    one: NDArray[np.float64], columns: NDArray[np.float32], demands: Demands, span: Span
) -> None:
    """Write 1 where a row meets a demand of a leaf, else 0: ``one`` float64[n_demands, LANES].

    ``columns`` float32[f, LANES] are the rows' values, feature by feature.
    """
    path_feature, low, high, nan_passes, _ = demands
    begin, end, count = span
    for i in range(end - begin):
        at = begin + i
        j, lowest, highest = path_feature[at], low[at], high[at]
        unknown_passes = nan_passes[at]
        for lane in range(count):
            x = columns[j, lane]
            known = x == x  # NaN is not
            passes = (not x <= lowest) & (not x > highest) & (unknown_passes | known)
            one[i, lane] = 1.0 if passes else 0.0


@compiled
def fill_products(
    products: NDArray[np.float64],
    one: NDArray[np.float64],
    share: NDArray[np.float64],
    value: float,
    rules: Rules,
    span: Span,
) -> None:
    """Write a leaf's value x weight x product at each point: ``products`` float64[q, LANES]."""
    points, weights = rules
    begin, end, count = span
    q = (end - begin + 1) // 2
    for k in range(q):
        t, scale = points[q, k], value * weights[q, k]
        for lane in range(count):
            products[k, lane] = scale
        for i in range(end - begin):
            absent = share[begin + i] * (1 - t)
            for lane in range(count):
                products[k, lane] *= absent + one[i, lane] * t


@compiled
def add_effects(
    sums: NDArray[np.float64],
    mean: NDArray[np.float64],
    products: NDArray[np.float64],
    one: NDArray[np.float64],
    demands: Demands,
    points: NDArray[np.float64],
    span: Span,
) -> None:
    """Add a leaf's effect on each feature of its path to ``sums``, float64[f, LANES].

    ``mean`` float64[LANES] is a work array for the mean over sets of the other features: the
    feature's own factor is divided out of the products.
    """
    path_feature, share = demands[0], demands[4]
    begin, end, count = span
    q = (end - begin + 1) // 2
    for i in range(end - begin):
        j, part = path_feature[begin + i], share[begin + i]
        mean[:count] = 0
        for k in range(q):
            absent = part * (1 - points[q, k])
            # Where both share and row are 0, the factor is multiplied by a difference of 0.
            without = 1 / absent if absent > 0 else 0.0
            more = 1 / (absent + points[q, k]) - without
            for lane in range(count):
                mean[lane] += products[k, lane] * (without + one[i, lane] * more)
        for lane in range(count):
            sums[j, lane] += (one[i, lane] - part) * mean[lane]
