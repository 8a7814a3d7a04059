"""Confidence intervals of 95 % by the normal approximation, for the figures of a report."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z95 = 1.96
"""Standard errors to each side of a figure that cover 95 % of a normal distribution."""


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen in ``n`` draws (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]
    """
    z2 = Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * ((share * (1 - share) + z2 / (4 * n)) / n) ** 0.5
    return max(centre - half, 0.0), min(centre + half, 1.0)


def weighted_mean(
    values: Floats, weight: Floats, groups: NDArray[np.int64] | None = None
) -> tuple[float, float, float]:
    """The weighted mean of rows and its interval, from the spread of rows or of whole groups.

    ``values``, ``weight`` and ``groups`` have one entry a row.

    >>> weighted_mean(np.array([1.0, 1.0]), np.ones(2))
    (1.0, 1.0, 1.0)
    """
    mean = float(np.average(values, weights=weight))
    parts: Floats = weight * (values - mean)
    if groups is not None:
        _, members = np.unique(groups, return_inverse=True)
        parts = np.bincount(members, parts).astype(np.float64)
    n = len(parts)
    error = float(np.sqrt((parts**2).sum() * n / max(n - 1, 1)) / weight.sum())
    return mean, mean - Z95 * error, mean + Z95 * error
