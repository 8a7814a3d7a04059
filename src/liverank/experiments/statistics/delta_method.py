"""The delta method: linearises ratios of two means, so they can be treated as means.

A ratio R = mean(numerator) / mean(denominator) over units varies like the mean of the units' values
(numerator - R * denominator) / mean(denominator); a mean is the ratio whose denominator is 1.
Source: Deng, Knoblich and Lu, "Applying the Delta Method in Metric Analytics" (KDD 2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.statistics.moments import Moments

Ratio = tuple[int, int | None]
"""Columns of the moments: numerator, and denominator or None for the number of units."""


@dataclass(frozen=True, slots=True)
class Linearised:
    """Ratios of one arm, and the covariance of their linearised values over its units."""

    values: NDArray[np.float64]
    """``float64[k]``; NaN if a denominator is zero."""
    covariance: NDArray[np.float64]
    """``float64[k, k]``: covariance over units; NaN with fewer than two units."""
    count: int


def linearise(moments: Moments, ratios: Sequence[Ratio]) -> Linearised:
    """The ratios of these columns.

    >>> clicks_and_views = Moments.of(np.array([[1.0, 2.0], [2.0, 6.0]]))
    >>> linearise(clicks_and_views, [(0, 1), (0, None)]).values
    array([0.375, 1.5  ])
    """
    columns = len(moments.means)
    weights = np.zeros((len(ratios), columns))
    values = np.full(len(ratios), np.nan)
    for row, (numerator, denominator) in enumerate(ratios):
        below = 1.0 if denominator is None else moments.means[denominator]
        if moments.count == 0 or below == 0:
            weights[row] = np.nan
            continue
        values[row] = moments.means[numerator] / below
        weights[row, numerator] += 1 / below
        if denominator is not None:
            weights[row, denominator] -= values[row] / below
    return Linearised(values, weights @ moments.covariance @ weights.T, moments.count)
