"""How much of the target's variance one column alone explains, measured out of fold.

Both measures are shares of variance: 0 for nothing, 1 for all of it. A target of several classes
counts as one indicator column a class; their variances are added up.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.models.encoder.step_functions import level_keys

_FOLDS = 4
_STREAM = 914_602_337
"""Part of the seed of folds: a column drawn by the same generator must not equal its folds."""
_SMOOTHING = 5.0
"""Rows with the overall mean that are mixed into each level's mean."""


def level_gain(codes: NDArray[np.int64], target: NDArray[np.float64], *, seed: int = 0) -> float:
    """Share of variance explained by the mean of each level, out of fold; negative if misleading.

    ``codes`` is int64[n] from 0, ``target`` float64[n, k].

    >>> codes = np.arange(400) % 2
    >>> round(level_gain(codes, codes[:, None].astype(np.float64)), 2)
    1.0
    """
    error = float((_residuals(codes, target, seed=seed) ** 2).sum())
    spread = float(((target - target.mean(axis=0)) ** 2).sum())
    return 1.0 - error / spread if spread > 0 else 0.0


class Gain(NamedTuple):
    """A share of the target's variance that is explained in addition; negative if misleading.

    ``errors`` is by how many standard errors it is above 0.
    """

    share: float
    errors: float


def explained_beyond(
    first: NDArray[np.int64], second: NDArray[np.int64], target: NDArray[np.float64]
) -> Gain:
    """What the means of one grouping explain of what those of another leave, out of fold.

    ``first`` and ``second`` are codes, int64[n] from 0; ``target`` is float64[n, k]. The means may
    be scaled down by one factor, as a model would where most of them are noise. The standard error
    is that of their mean product with what is left, over rows.

    >>> generator = np.random.default_rng(0)
    >>> number = generator.integers(0, 40, 4000)
    >>> odd = (number % 2)[:, None].astype(np.float64)
    >>> explained_beyond(number // 10, number, odd).errors > 2.0
    True
    >>> explained_beyond(number, number // 10, odd).errors > 2.0
    False
    """
    left = _residuals(first, target)
    means = left - left.mean(axis=0) - _residuals(second, left)
    products = (left * means).sum(axis=1)
    spread, size = float(((target - target.mean(axis=0)) ** 2).sum()), float((means**2).sum())
    if spread == 0 or size == 0:
        return Gain(0.0, 0.0)
    total, error = float(products.sum()), float(products.std()) * len(products) ** 0.5
    share = total * abs(total) / size / spread
    return Gain(share, total / error if error > 0 else np.inf)


def _residuals(
    codes: NDArray[np.int64], target: NDArray[np.float64], *, seed: int = 0
) -> NDArray[np.float64]:
    """The target minus the mean of its level in the other folds, smoothed: float64[n, k]."""
    fold = np.random.default_rng([seed, _STREAM]).integers(0, _FOLDS, len(codes))
    n_levels = int(codes.max(initial=-1)) + 1
    cell = fold * n_levels + codes
    counts = np.bincount(cell, minlength=_FOLDS * n_levels).reshape(_FOLDS, n_levels)
    others = counts.sum(axis=0) - counts
    left = target - target.mean(axis=0)
    for column in left.T:
        sums = np.bincount(cell, column, _FOLDS * n_levels).reshape(_FOLDS, n_levels)
        means = (sums.sum(axis=0) - sums) / (others + _SMOOTHING)
        column -= means[fold, codes]
    return np.asarray(left)


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
