"""How much one column alone says about the target, measured on rows that were not looked at.

Both measures are shares of the target's variance, 0 for nothing and 1 for all; for classes it is
the mean over them of their indicators' variance, weighted by it.
"""

import numpy as np
from numpy.typing import NDArray

_FOLDS = 4
_SMOOTHING = 5.0


def level_gain(codes: NDArray[np.int64], target: NDArray[np.float64], *, seed: int = 0) -> float:
    """Share that the means of levels explain, out of fold; below 0 where they mislead.

    ``codes`` is int64[n] from 0, ``target`` float64[n, k].

    >>> codes = np.arange(400) % 2
    >>> round(level_gain(codes, codes[:, None].astype(np.float64)), 2)
    1.0
    """
    fold = np.random.default_rng(seed).integers(0, _FOLDS, len(codes))
    n_levels = int(codes.max(initial=-1)) + 1
    cell = fold * n_levels + codes
    counts = np.bincount(cell, minlength=_FOLDS * n_levels).reshape(_FOLDS, n_levels)
    others = counts.sum(axis=0) - counts
    error, spread = 0.0, 0.0
    for column in target.T:
        centred = column - column.mean()
        sums = np.bincount(cell, centred, _FOLDS * n_levels).reshape(_FOLDS, n_levels)
        means = (sums.sum(axis=0) - sums) / (others + _SMOOTHING)
        error += float(((centred - means[fold, codes]) ** 2).sum())
        spread += float((centred**2).sum())
    return 1.0 - error / spread if spread > 0 else 0.0


def order_gain(values: NDArray[np.float64], target: NDArray[np.float64], n_bins: int) -> float:
    """Share that stretches of a number explain, each of about as many rows; NaN is one of its own.

    >>> values = np.arange(400.0)
    >>> round(order_gain(values, values[:, None], 20), 2) > 0.9
    True
    """
    return level_gain(quantile_codes(values, n_bins), target)


def quantile_codes(values: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """The stretch of each value, int64[n] from 0; NaN is the last. Equal values share one.

    >>> quantile_codes(np.array([5.0, 1.0, 9.0, np.nan]), 3).tolist()
    [2, 1, 2, 3]
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.zeros(len(values), np.int64)
    shares = np.arange(1, n_bins) / n_bins
    edges = np.unique(np.quantile(known, shares, method="lower"))
    codes = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, codes).astype(np.int64)


def indicators(target: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """The target as float64[n, k]: one column a class, or itself where there are no classes.

    >>> indicators(np.array([0.0, 2.0]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if n_classes <= 2:
        return target[:, None]
    return np.asarray(target[:, None] == np.arange(n_classes), np.float64)
