"""Average log-odds of rows, on top of what is known of each beforehand.

The maximum-likelihood intercept of a logistic model with an offset (McCullagh and Nelder, 1989).
"""

import numpy as np
from numpy.typing import NDArray

_MOST_STEPS, _CLOSE = 100, 1e-12


def mean_log_odds(
    target: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    weight: NDArray[np.float64] | None = None,
) -> float:
    """What to add to each row's ``base`` so that as many successes are expected as there were.

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
    doubted, even = np.append(base, middle), np.append(even, 1.0)
    level = float(np.log(hits / (even.sum() - hits))) - middle
    for _ in range(_MOST_STEPS):  # Newton's, held short
        shares = 1 / (1 + np.exp(-np.clip(level + doubted, -500, 500)))
        step = (hits - float(even @ shares)) / max(float(even @ (shares * (1 - shares))), 1e-12)
        level += float(np.clip(step, -1.0, 1.0))
        if abs(step) < _CLOSE:
            break
    return level
