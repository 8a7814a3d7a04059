"""Covariate adjustment (CUPED): data from before the experiment explain part of the variance.

Source: Deng, Xu, Kohavi and Walker, "Improving the Sensitivity of Online Controlled Experiments by
Utilizing Pre-Experiment Data" (WSDM 2013). A covariate must not depend on the treatment: it is
measured before a unit's exposure. Invariant: no unit is left out because a covariate is missing.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.statistics.delta_method import Linearised
from liverank.experiments.statistics.estimate import Estimate

_TINY = 1e-12
"""Share of a covariate's variance below which the residual variance is only rounding errors."""


def covariate_columns(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """A covariate without NaN, ``float64[n_units, 2]``: its value, and whether it is known.

    An unknown (NaN) value is filled with zero, and the second column, itself a covariate, models
    the difference between units with and without a value. So any fill value gives the same
    result, no unit is dropped, and the comparison stays unbiased.

    >>> covariate_columns(np.array([2.0, np.nan]))
    array([[2., 1.],
           [0., 0.]])
    """
    is_known = ~np.isnan(known)
    return np.column_stack([np.where(is_known, known, 0.0), is_known.astype(np.float64)])


def coefficients(pooled: Linearised) -> NDArray[np.float64]:
    """The coefficients of the regression of ratio 0 on the others, over the units of both arms.

    A covariate that does not vary, or is a combination of those before it, gets zero.
    """
    theta = np.zeros(len(pooled.values) - 1)
    covariance = pooled.covariance
    kept: list[int] = []
    for column in range(1, len(pooled.values)):
        own = covariance[column, column]
        if not (np.isfinite(own) and own > 0):
            continue
        left = own
        if kept:
            shared = covariance[np.ix_(kept, [column])][:, 0]
            left -= shared @ np.linalg.solve(covariance[np.ix_(kept, kept)], shared)
        if left > _TINY * own:
            kept.append(column)
    if kept:
        theta[np.array(kept) - 1] = np.linalg.solve(
            covariance[np.ix_(kept, kept)], covariance[kept, 0]
        )
    return theta


def adjust(arm: Linearised, pooled: Linearised, theta: NDArray[np.float64]) -> Estimate:
    """Ratio 0 of an arm, adjusted to the mean covariates of both arms together."""
    used = np.concatenate([[0], np.flatnonzero(theta) + 1])
    weights = np.concatenate([[1.0], -theta[theta != 0]])
    center = np.concatenate([[0.0], pooled.values[used[1:]]])
    variance = weights @ arm.covariance[np.ix_(used, used)] @ weights
    return Estimate(
        value=float(weights @ (arm.values[used] - center)),
        variance=float(max(variance, 0.0) / arm.count) if arm.count else np.nan,
        count=arm.count,
    )
