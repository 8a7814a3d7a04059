"""Kernels of attributions: the path to each leaf, and each feature's Shapley value.

A leaf's path asks one thing of each feature on it: a range of values, or NaN. Where one[j] says
whether a row fulfils the demand on feature j, and share[j] which share of the training rows that
come to its nodes do, the leaf adds to feature i (Lundberg et al., 2020, algorithm 1)

    value x (one[i] - share[i]) x the mean, over the sizes of sets of the other features and over
                                  sets of a size, of product(one in the set) product(share outside)

and that mean is the integral over t from 0 to 1 of product(share[j] (1 - t) + one[j] t), j not i: a
polynomial, so Gauss's rule with half as many points as features gives it exactly.
Invariant: a row's attributions do not depend on the rows explained with it.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled

LANES = 32
"""Rows explained at a time."""


@compiled
def paths_kernel(
    starts: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    left: NDArray[np.int32],
    nan_left: NDArray[np.bool_],
    cover: NDArray[np.float32],
    leaf_starts: NDArray[np.int64],
    path_feature: NDArray[np.int32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    nan_passes: NDArray[np.bool_],
    share: NDArray[np.float64],
) -> None:
    """Fill in what the path to each leaf demands, in the order of the leaves.

    ``leaf_starts`` int64[n_leaves + 1] is where each leaf's demands begin; the others hold a demand
    each and are long enough for one a node of the path. A value x passes unless x <= low or
    x > high, NaN being no bound.
    """
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
    path_feature: NDArray[np.int32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    nan_passes: NDArray[np.bool_],
    share: NDArray[np.float64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Attributions of rows: float64[n, f]. Row q of points and weights is Gauss's rule of q."""
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
            begin = leaf_starts[leaf]
            length = leaf_starts[leaf + 1] - begin
            q = (length + 1) // 2
            for i in range(length):
                at = begin + i
                j, lowest, highest = path_feature[at], low[at], high[at]
                unknown_passes = nan_passes[at]
                for lane in range(count):
                    x = columns[j, lane]
                    known = x == x  # NaN is not
                    passes = (not x <= lowest) & (not x > highest) & (unknown_passes | known)
                    one[i, lane] = 1.0 if passes else 0.0
            for k in range(q):
                t, scale = points[q, k], value[leaf] * weights[q, k]
                for lane in range(count):
                    products[k, lane] = scale
                for i in range(length):
                    absent = share[begin + i] * (1 - t)
                    for lane in range(count):
                        products[k, lane] *= absent + one[i, lane] * t
            for i in range(length):
                # A feature's own factor is divided out of the products.
                j, part = path_feature[begin + i], share[begin + i]
                mean[:count] = 0
                for k in range(q):
                    absent = part * (1 - points[q, k])
                    # With neither share nor row there is no difference to multiply.
                    without = 1 / absent if absent > 0 else 0.0
                    more = 1 / (absent + points[q, k]) - without
                    for lane in range(count):
                        mean[lane] += products[k, lane] * (without + one[i, lane] * more)
                for lane in range(count):
                    sums[j, lane] += (one[i, lane] - part) * mean[lane]
        for lane in range(count):
            for j in range(f):
                effects[first + lane, j] = sums[j, lane]
    return effects
