"""Quantiles of an arm and their standard error, also if units have several values.

Units often share a value (such as a count), and an ordinary quantile then jumps from one value to
the next, which no normal interval describes. So quantiles are those of the mid-distribution: the
share below a value plus half of the share on it, with linear interpolation between the values.
Without shared values they equal the ordinary ones. The share is a mean (or, with several values a
unit, a ratio of means), so its standard error is known; the interval ends at the values whose ranks
are that far from the quantile's rank, and no density is estimated.
Sources: Ma, Genton and Parzen, "Asymptotic properties of sample quantiles of discrete
distributions" (Annals of the Institute of Statistical Mathematics 2011); the outer interval of
Deng, Knoblich and Lu, "Applying the Delta Method in Metric Analytics" (KDD 2018), section 4.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.statistics.comparison import Comparison, compare_estimates
from liverank.experiments.statistics.delta_method import linearise
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.moments import Moments

_Z = 1.959963984540054
"""Distance of the two bounding values from the quantile, in standard errors of the rank."""


def quantile_estimate(
    values: NDArray[np.float64], q: float, *, units: NDArray[np.int64] | None = None
) -> Estimate:
    """The q-quantile of ``float64[n]``; without shared values it equals NumPy's "hazen".

    ``units``, ``int64[n]``, is the unit of each value; without it each value is its own unit. The
    variance is NaN, with a reason, if the quantile is too near an end for so few units, or is a
    value that many units share.

    >>> found = quantile_estimate(np.arange(1.0, 1001.0), 0.5)
    >>> found.value, round(found.se, 1)
    (500.5, 15.8)
    """
    if len(values) == 0:
        return Estimate(math.nan, math.nan, 0, "there are no values")
    distinct, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts) / len(values)
    middle = upto - counts / (2 * len(values))
    value = float(np.interp(q, middle, distinct))
    rank_se, count = _share_se(_share_below(of, middle, q), units)
    low, high = q - _Z * rank_se, q + _Z * rank_se
    if not (low > 0 and high < 1):  # also if the standard error is NaN
        reason = f"too few units ({count}) for an interval of the {q:g} quantile"
        return Estimate(value, math.nan, count, reason)
    below, above = np.interp([low, high], middle, distinct)
    index = int(np.searchsorted(upto, q))
    is_one_value = upto[index] > high and upto[index] - counts[index] / len(values) < low
    if below == above or is_one_value:
        reason = (
            f"the {q:g} quantile falls on {distinct[index]:g}, which many units share; "
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
    """Compare the q-quantiles of two arms; ``units`` are the units of each arm's values."""
    of_control, of_variant = units if units is not None else (None, None)
    return compare_estimates(
        quantile_estimate(control, q, units=of_control),
        quantile_estimate(variant, q, units=of_variant),
        level=level,
    )


def _share_below(
    of: NDArray[np.intp], middle: NDArray[np.float64], q: float
) -> NDArray[np.float64]:
    """The share of each value in the mid-distribution at the quantile, ``float64[n]``.

    ``of`` is the index of each value among the distinct ones, which have the shares ``middle``.
    """
    after = int(np.clip(np.searchsorted(middle, q), 1, len(middle) - 1)) if len(middle) > 1 else 0
    before = max(after - 1, 0)
    apart = middle[after] - middle[before]
    weight = float(np.clip((q - middle[before]) / apart, 0.0, 1.0)) if apart else 0.0
    shares = np.zeros(len(middle))
    for index, part in ((before, 1 - weight), (after, weight)):
        shares[:index] += part
        shares[index] += part / 2
    return shares[of]


def _share_se(below: NDArray[np.float64], units: NDArray[np.int64] | None) -> tuple[float, int]:
    """Standard error of a mean of ``float64[n]`` over values, and the number of units."""
    if units is None:
        return math.sqrt(below.var(ddof=1) / len(below)) if len(below) > 1 else math.nan, len(below)
    _, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit).astype(np.float64)
    sums = np.bincount(unit, weights=below)
    share = linearise(Moments.of(np.column_stack([sums, sizes])), [(0, 1)])
    return math.sqrt(share.covariance[0, 0] / share.count), share.count
