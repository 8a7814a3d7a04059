"""Preparation of rows for a linear model.

Values are clipped to the range of the middle 99.8 % and put on a logarithmic scale where that
shortens their tails, then standardised; many rows are thinned.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds

from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.linear.model import Linear, expand

MOST_ROWS = 50_000
"""Number of rows to which more are thinned evenly: so few coefficients need no more."""
TAIL_ROWS = 5000
"""Number of rows used to decide whether a column has a long tail."""


@dataclass(frozen=True)
class Prepared:
    """Rows prepared once, to be fitted with any penalty.

    ``design`` float64[n, f + m] holds the standardised values, 0 where unknown, then 1 or 0 for
    whether each of the m columns ``often_unknown`` is unknown; ``scale`` float64[f] standardises.
    """

    design: NDArray[np.float64]
    labels: NDArray[Any]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    logarithmic: NDArray[np.bool_]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    often_unknown: NDArray[np.int64]
    bounds: Bounds | None
    """Bounds of each coefficient; None where all are free."""

    def linear(self, point: NDArray[np.float64]) -> Linear:
        """The model with these coefficients, float64[f + m + 1]; the intercept is last."""
        n_features = len(self.mean)
        missing_weight = np.zeros(n_features)
        missing_weight[self.often_unknown] = point[n_features:-1]
        return Linear(
            low=self.low,
            high=self.high,
            logarithmic=self.logarithmic,
            mean=self.mean,
            weight=point[:n_features] * self.scale,
            missing_weight=missing_weight,
            intercept=point[-1:].copy(),
        )


def prepare_rows(
    features: NDArray[np.float32], labels: NDArray[Any], directions: tuple[int, ...] = ()
) -> Prepared:
    """Thin, bound, scale and standardise rows, float32[n, f]; ``labels`` [n] are only thinned."""
    if len(labels) > MOST_ROWS:
        kept = evenly_spread_rows(len(labels), MOST_ROWS, floor=True)
        features, labels = np.ascontiguousarray(features[kept]), labels[kept]
    low, high = _ranges(features)
    logarithmic = _has_long_tails(
        features[evenly_spread_rows(len(labels), TAIL_ROWS, floor=True)], low, high
    )
    values = expand(features, low, high, logarithmic)
    unknown = np.isnan(values)
    counts = np.maximum(len(values) - unknown.sum(axis=0), 1)
    mean = np.where(unknown, 0.0, values).sum(axis=0) / counts
    values = np.where(unknown, 0.0, values - mean)
    spread = np.sqrt((values**2).sum(axis=0) / counts)
    scale = np.where(spread > 1e-12 * (1 + np.abs(mean)), 1 / np.maximum(spread, 1e-300), 0.0)
    often_unknown = np.flatnonzero(unknown.any(axis=0) & ~unknown.all(axis=0))
    return Prepared(
        design=np.concatenate([values * scale, unknown[:, often_unknown]], axis=1),
        labels=labels,
        low=low,
        high=high,
        logarithmic=logarithmic,
        mean=mean,
        scale=scale,
        often_unknown=often_unknown,
        bounds=_bounds(directions, len(often_unknown)) if any(directions) else None,
    )


def linear_gains(model: Linear, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each column moves the margin: the standard deviation of its term, float64[f]."""
    values = expand(features, model.low, model.high, model.logarithmic)
    terms = np.where(np.isnan(values), model.missing_weight, model.weight * (values - model.mean))
    gains: NDArray[np.float64] = terms.std(axis=0)
    return gains


def _bounds(directions: tuple[int, ...], n_often_unknown: int) -> Bounds:
    """Bounds that keep monotone constraints: at least zero for 1, at most zero for -1."""
    free = np.zeros(n_often_unknown + 1, np.int64)
    signs = np.concatenate([np.array(directions, np.int64), free])
    return Bounds(np.where(signs > 0, 0.0, -np.inf), np.where(signs < 0, 0.0, np.inf))


def _ranges(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle 99.8 % of each column's finite values; 0 and 0 where there are none."""
    low, high = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    for column in range(features.shape[1]):
        finite = features[np.isfinite(features[:, column]), column].astype(np.float64)
        if len(finite):
            low[column], high[column] = np.quantile(finite, [0.001, 0.999])
        if low[column] == high[column] and len(finite):  # rare values are outside the middle 99.8 %
            low[column], high[column] = finite.min(), finite.max()
    return low, high


def _has_long_tails(
    features: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether a column is less skewed on the logarithmic scale: bool[f]."""
    flags = np.zeros(features.shape[1], np.bool_)
    return np.abs(_skewness(expand(features, low, high, ~flags))) < np.abs(
        _skewness(expand(features, low, high, flags))
    )


def _skewness(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Third standardised moment of each column over its known values; 0 when it does not vary."""
    unknown = np.isnan(values)
    counts = np.maximum((~unknown).sum(axis=0), 1)
    centred = np.where(unknown, 0.0, values)
    centred = np.where(unknown, 0.0, centred - centred.sum(axis=0) / counts)
    variance = (centred**2).sum(axis=0) / counts
    third = (centred**3).sum(axis=0) / counts
    skewness: NDArray[np.float64] = np.divide(
        third, variance**1.5, out=np.zeros(len(variance)), where=variance > 1e-24
    )
    return skewness
