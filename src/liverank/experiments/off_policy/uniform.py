"""The probabilities of lists in uniformly random order, which depend only on their length.

Invariant: both forms are the probabilities of drawing candidates without replacement.
"""

import numpy as np
from numpy.typing import NDArray

_CLOSE = 1e-6


def by_position(candidates: NDArray[np.int64], positions: int) -> NDArray[np.float64]:
    """Each item's probability at its position, regardless of those above: float64[n, positions].

    >>> by_position(np.array([4]), positions=3).tolist()
    [[0.25, 0.25, 0.25]]
    """
    probabilities: NDArray[np.float64] = np.repeat(1 / candidates[:, None], positions, axis=1)
    return probabilities


def given_above(candidates: NDArray[np.int64], positions: int) -> NDArray[np.float64]:
    """Each item's probability of being next, given the items above: float64[n, positions].

    NaN beyond the number of candidates.

    >>> given_above(np.array([2]), positions=3).round(2).tolist()
    [[0.5, 1.0, nan]]
    """
    left = candidates[:, None] - np.arange(positions, dtype=np.float64)
    return np.where(left >= 1, 1 / np.maximum(left, 1), np.nan)


def is_uniform(
    propensities: NDArray[np.float64], candidates: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each list's propensities match a uniformly random order, bool[n].

    ``propensities`` float64[n, positions] are by position, and NaN beyond a list's end.
    """
    far = np.abs(propensities * candidates[:, None] - 1) > _CLOSE
    known = ~np.isnan(propensities)
    return np.logical_and(known.any(axis=1), ~far.any(axis=1))
