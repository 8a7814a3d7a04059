"""Average log-odds of rows, in addition to a known base of each row.

The maximum-likelihood intercept of a logistic model with an offset (McCullagh and Nelder, 1989).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

_MOST_STEPS, _CLOSE = 100, 1e-12


def mean_log_odds(
    target: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    weight: NDArray[np.float64] | None = None,
) -> float:
    """The constant to add to each row's ``base`` so that the expected successes equal the observed.

    The target, float64[n], is 0 or 1. Half a success and half a failure at the mean base are added,
    so that it is always finite.

    >>> round(mean_log_odds(np.array([1.0, 1, 1, 0]), None), 3)  # log(3.5 / 1.5)
    0.847
    >>> mean_log_odds(np.array([1.0, 0.0]), np.array([2.0, 2.0]))
    -2.0
    """
    even = np.ones(len(target)) if weight is None else weight
    hits = float(even @ target) + 0.5
    if base is None:
        return float(np.log(hits / (even.sum() + 1.0 - hits)))
    middle = float(np.average(base, weights=even)) if len(target) else 0.0
    known, even = np.append(base, middle), np.append(even, 1.0)
    level = float(np.log(hits / (even.sum() - hits))) - middle
    for _ in range(_MOST_STEPS):  # Newton steps of limited length
        shares = expit(level + known)
        step = (hits - float(even @ shares)) / max(float(even @ (shares * (1 - shares))), 1e-12)
        level += float(np.clip(step, -1.0, 1.0))
        if abs(step) < _CLOSE:
            break
    return level
