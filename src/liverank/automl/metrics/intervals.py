"""Confidence intervals of 95 % for the figures of a report, from formulas instead of draws.

Those of shares, AUC and average precision hold for a few rows as well, where a bootstrap says
nothing of what other rows would do.
"""

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


def auc_interval(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """The 95 % interval of an AUC seen on some positive and some negative rows.

    All areas whose standard error (Hanley and McNeil, 1982, with the mean of both numbers in place
    of each) does not rule out the one seen: method 5 of Newcombe (Statistics in Medicine, 2006).
    It covers the truth from one positive row on.

    >>> [round(end, 2) for end in auc_interval(1.0, 1, 1000)]
    [0.44, 1.0]
    >>> [round(end, 2) for end in auc_interval(0.9, 100, 1000)]
    [0.86, 0.93]
    """
    true = np.linspace(0, 1, 4001)
    rest = (positives + negatives) / 2 - 1
    spread = 1 + rest * (1 - true) / (2 - true) + rest * true / (1 + true)
    error2 = true * (1 - true) * spread / (positives * negatives)
    possible = true[(area - true) ** 2 <= Z95**2 * error2 + 1e-12]
    return float(min(possible.min(initial=area), area)), float(
        max(possible.max(initial=area), area)
    )


def precision_interval(average: float, positives: float) -> tuple[float, float]:
    """The 95 % interval of an average precision: normal on the log-odds scale (Boyd et al., 2013).

    >>> [round(end, 2) for end in precision_interval(0.5, 20)]
    [0.29, 0.71]
    """
    share = min(max(average, 1e-9), 1 - 1 / (2 * positives + 1))
    log_odds = np.log(share / (1 - share))
    half = Z95 / np.sqrt(positives * share * (1 - share))
    low, high = (1 / (1 + np.exp(-np.clip(log_odds + way * half, -500, 500))) for way in (-1, 1))
    return float(min(low, average)), float(max(high, average))


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
