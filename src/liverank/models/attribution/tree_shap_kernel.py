"""Kernels of attributions: the path to each leaf, and each feature's Shapley value.

A leaf's path makes one demand on each feature on it: a range of values, or NaN. With one[j] = 1
where a row meets the demand on feature j, else 0, and share[j] the share of the training rows at
those nodes that meet it, the leaf adds to feature i (Lundberg et al., 2020, algorithm 1)

    value x (one[i] - share[i]) x the mean, over the sizes of sets of the other features and over
                                  sets of a size, of product(one in the set) product(share outside)

and that mean is the integral over t from 0 to 1 of product(share[j] (1 - t) + one[j] t), j not i: a
polynomial, so Gauss's rule with half as many points as features gives it exactly.
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
"""What paths demand, an entry a demand: the feature, the bounds low and high, whether NaN passes,
and the share of training rows that passed. A value x passes unless x <= low or x > high, where a
bound of NaN is none. A plain tuple: numba's dispatcher takes longer for a named one."""


@compiled
def paths_kernel(
    trees: Trees, cover: NDArray[np.float32], leaf_starts: NDArray[np.int64], demands: Demands
) -> None:
    """Fill in what the path to each leaf demands, in the order of the leaves.

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
    """The share of a node's rows that went to one child; half where none came to the node."""
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
    rules: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Shapley values of rows, float32[n, f]: float64[n, f].

    value        float64[n_leaves]
    leaf_starts  int64[n_leaves + 1], the index of each leaf's first demand
    rules        points and weights; row q of each is Gauss's rule of q points
    """
    n, f = rows.shape
    share = demands[4]
    points, weights = rules
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
            begin, end = leaf_starts[leaf], leaf_starts[leaf + 1]
            q = (end - begin + 1) // 2
            fill_passes(one, columns, demands, begin, end, count)
            for k in range(q):
                t, scale = points[q, k], value[leaf] * weights[q, k]
                for lane in range(count):
                    products[k, lane] = scale
                for i in range(end - begin):
                    absent = share[begin + i] * (1 - t)
                    for lane in range(count):
                        products[k, lane] *= absent + one[i, lane] * t
            for i in range(end - begin):
                part = share[begin + i]
                fill_mean(mean, products, one[i], part, points[q, :q], count)
                j = demands[0][begin + i]
                for lane in range(count):
                    sums[j, lane] += (one[i, lane] - part) * mean[lane]
        for lane in range(count):
            for j in range(f):
                effects[first + lane, j] = sums[j, lane]
    return effects


@compiled
def fill_passes(
    one: NDArray[np.float64],
    columns: NDArray[np.float32],
    demands: Demands,
    begin: int,
    end: int,
    count: int,
) -> None:
    """Write 1 where a row meets a demand, else 0: ``one`` float64[demands of a leaf, LANES].

    ``columns`` float32[f, LANES] are the values of ``count`` rows; the leaf's demands are
    ``begin`` to ``end``.
    """
    path_feature, low, high, nan_passes, _ = demands
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
def fill_mean(
    mean: NDArray[np.float64],
    products: NDArray[np.float64],
    one: NDArray[np.float64],
    part: float,
    points: NDArray[np.float64],
    count: int,
) -> None:
    """Write the mean over sets of the other features, for one feature: ``mean`` float64[LANES].

    The feature's own factor (``one`` float64[LANES] and its share ``part``) is divided out of the
    ``products``, float64[q, LANES].
    """
    mean[:count] = 0
    for k in range(len(points)):
        absent = part * (1 - points[k])
        # With neither share nor row there is no difference to multiply.
        without = 1 / absent if absent > 0 else 0.0
        more = 1 / (absent + points[k]) - without
        for lane in range(count):
            mean[lane] += products[k, lane] * (without + one[lane] * more)
