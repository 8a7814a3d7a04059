"""The probabilities of a list in uniformly random order, which needs no more than its length.

Invariant: both forms are those of drawing from the candidates without replacement.
"""

import numpy as np
from numpy.typing import NDArray

_CLOSE = 1e-6


def by_place(candidates: NDArray[np.int64], places: int) -> NDArray[np.float64]:
    """The probability of each item at its place, whatever stands above it: float64[n, places].

    >>> by_place(np.array([4]), places=3).tolist()
    [[0.25, 0.25, 0.25]]
    """
    chances: NDArray[np.float64] = np.repeat(1 / candidates[:, None], places, axis=1)
    return chances


def given_above(candidates: NDArray[np.int64], places: int) -> NDArray[np.float64]:
    """The probability of each item to come next, given those above it: float64[n, places].

    NaN at places that the candidates don't reach.

    >>> given_above(np.array([2]), places=3).round(2).tolist()
    [[0.5, 1.0, nan]]
    """
    left = candidates[:, None] - np.arange(places, dtype=np.float64)
    return np.where(left >= 1, 1 / np.maximum(left, 1), np.nan)


def is_uniform(
    propensities: NDArray[np.float64], candidates: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each list's propensities are those of a uniformly random order, bool[n].

    ``propensities`` float64[n, places] are by place, and NaN beyond a list's end.
    """
    far = np.abs(propensities * candidates[:, None] - 1) > _CLOSE
    told = ~np.isnan(propensities)
    return np.logical_and(told.any(axis=1), ~far.any(axis=1))
