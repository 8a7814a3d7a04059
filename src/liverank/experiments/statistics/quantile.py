"""Quantiles of an arm and their standard error, also where a unit has several values.

The share of values below a point is a mean (or, with several values a unit, a ratio of means), so
its standard error is known; the values whose ranks are that far from the quantile's own bound it.
No density is estimated. Source: the outer interval of Deng, Knoblich and Lu, "Applying the Delta
Method in Metric Analytics" (KDD 2018), section 4; with one value a unit it is that of order
statistics.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.statistics.comparison import Comparison, compare_estimates
from liverank.experiments.statistics.delta_method import linearise
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.moments import Moments

_Z = 1.959963984540054
"""How many standard errors of the rank the two bounding values are apart from the quantile."""


def quantile_estimate(
    values: NDArray[np.float64], q: float, *, units: NDArray[np.int64] | None = None
) -> Estimate:
    """The q-quantile of ``float64[n]``, between ranks as NumPy's default.

    ``units``, ``int64[n]``, says whose each value is; without it each is a unit of its own. The
    variance is NaN, with the reason, where the quantile is too near an end for so few units, or
    falls on a value that many share.

    >>> found = quantile_estimate(np.arange(1.0, 1001.0), 0.5)
    >>> found.value, round(found.se, 1)
    (500.5, 15.8)
    """
    if len(values) == 0:
        return Estimate(math.nan, math.nan, 0, "there are no values")
    ordered = np.sort(values)
    value = float(np.quantile(ordered, q))
    rank_se, count = _share_se(values <= value, q, units)
    low, high = q - _Z * rank_se, q + _Z * rank_se
    if not (low > 0 and high < 1):
        reason = f"too few units ({count}) for an interval of the {q:g} quantile"
        return Estimate(value, math.nan, count, reason)
    below, above = np.quantile(ordered, [low, high])
    if below == above:
        reason = (
            f"the {q:g} quantile falls on {value:g}, which many units share; "
            "compare a mean, or the share above a value"
        )
        return Estimate(value, math.nan, count, reason)
    return Estimate(value, float((above - below) / (2 * _Z)) ** 2, count)


def compare_quantiles(
    control: NDArray[np.float64],
    variant: NDArray[np.float64],
    q: float,
    *,
    level: float = 0.95,
    units: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Comparison:
    """Compare the q-quantiles of two arms; ``units`` are whose the values of each arm are."""
    of_control, of_variant = units if units is not None else (None, None)
    return compare_estimates(
        quantile_estimate(control, q, units=of_control),
        quantile_estimate(variant, q, units=of_variant),
        level=level,
    )


def _share_se(
    is_below: NDArray[np.bool_], q: float, units: NDArray[np.int64] | None
) -> tuple[float, int]:
    """Standard error of the share of values below the quantile, and the number of units."""
    if units is None:
        return math.sqrt(q * (1 - q) / len(is_below)), len(is_below)
    _, place = np.unique(units, return_inverse=True)
    sizes = np.bincount(place).astype(np.float64)
    below = np.bincount(place, weights=is_below)
    share = linearise(Moments.of(np.column_stack([below, sizes])), [(0, 1)])
    return math.sqrt(share.covariance[0, 0] / share.count), share.count
