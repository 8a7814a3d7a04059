"""How much of the target's variance one column alone explains, measured out of fold.

Both measures are shares of variance: 0 for nothing, 1 for all of it. A target of several classes
counts as one indicator column a class; their variances are added up.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.models.encoder.step_functions import level_keys

_FOLDS = 4
_SMOOTHING = 5.0
"""Rows with the overall mean that are mixed into each level's mean."""


def level_gain(codes: NDArray[np.int64], target: NDArray[np.float64], *, seed: int = 0) -> float:
    """Share of variance explained by the mean of each level, out of fold; negative if misleading.

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
    """Share of variance explained by the mean of each quantile bin of a number.

    ``values`` is float64[n], ``target`` float64[n, k]; NaN is a bin by itself.

    >>> values = np.arange(400.0)
    >>> round(order_gain(values, values[:, None], 20), 2) > 0.9
    True
    """
    return level_gain(quantile_codes(values, n_bins), target)


def quantile_codes(values: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """The quantile bin of each value, int64[n] from 0; NaN has the last. Equal values share a bin.

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


def codes_of_levels(columns: list[NDArray[Any]]) -> NDArray[np.int64]:
    """A number for each row's level, or combination of levels: int64[n], by first occurrence.

    >>> codes_of_levels([np.array(["b", "a", "b", None], object)]).tolist()
    [0, 1, 0, 2]
    """
    numbers: dict[str | None, int] = {}
    keys = level_keys(columns)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def indicators(target: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """The target as float64[n, k]: one column a class, or itself where there are no classes.

    >>> indicators(np.array([0.0, 2.0]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if n_classes <= 2:
        return target[:, None]
    return np.asarray(target[:, None] == np.arange(n_classes), np.float64)
