"""The cluster bootstrap: the uncertainty of a figure when rows of one person are similar.

Clusters (people, or groups of rows) are drawn with replacement, each with all its rows (Efron,
1979; Field and Welsh, 2007). Every interval of liverank that is bootstrapped uses these draws.
Invariant: the draws depend on the number of clusters and the seed alone.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError

Floats = NDArray[np.float64]


class Clusters:
    """The clusters that rows belong to, numbered from 0.

    ``of_row``  int64[n], the cluster of each row
    ``count``   number of clusters

    >>> clusters = Clusters(np.array([70, 70, 9]))
    >>> clusters.of_row.tolist(), clusters.count
    ([1, 1, 0], 2)
    """

    def __init__(self, labels: NDArray[np.int64]) -> None:
        """``labels`` int64[n]: rows with an equal label are in one cluster."""
        self.of_row: NDArray[np.int64] = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        self.count = int(self.of_row.max(initial=-1)) + 1

    def draws(self, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yields draws endlessly: how many times each cluster was drawn, int64[count]."""
        generator = np.random.default_rng(seed)
        while True:
            drawn = generator.integers(self.count, size=self.count)
            yield np.bincount(drawn, minlength=self.count)

    def sums(self, values: Floats) -> Floats:
        """The sum of row values in each cluster, float64[count]."""
        sums = np.bincount(self.of_row, weights=values, minlength=self.count)
        return sums.astype(np.float64, copy=False)


def mean_interval(
    values: Floats,
    clusters: Clusters,
    *,
    weights: Floats | None = None,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of the weighted mean of row values, by drawing whole clusters.

    ``values`` and ``weights`` are float64[n]. Returns (NaN, NaN) when there are no rows.

    >>> mean_interval(np.array([0.5, 0.5]), Clusters(np.arange(2)))
    (0.5, 0.5)
    """
    if clusters.count == 0:
        return float("nan"), float("nan")
    weights = np.ones(len(values)) if weights is None else weights
    totals, masses = clusters.sums(weights * values), clusters.sums(weights)
    means = np.empty(draws)
    for draw, times in zip(range(draws), clusters.draws(seed), strict=False):
        # Not by BLAS: its threads wait for each other at every draw, and round by their number.
        means[draw] = float((times * totals).sum()) / max(float((times * masses).sum()), 1e-300)
    return percentile_interval(means, confidence)


def percentile_interval(drawn: Floats, confidence: float) -> tuple[float, float]:
    """The central interval of a figure's values over draws (percentile bootstrap).

    >>> percentile_interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_difference(
    values_a: Floats,
    values_b: Floats,
    users: NDArray[np.int64],
    *,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of mean(a) - mean(b) over lists, by drawing users with all their lists.

    ``values_a`` and ``values_b`` are the same metric of two methods on the same lists; lists where
    either is NaN are left out. ``users`` (int64[n_lists]) is the user of each list. Returns
    (NaN, NaN) when no list is left. Raises DatasetError when the lengths differ.

    >>> low, high = bootstrap_difference(np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.arange(2))
    >>> low, high
    (0.5, 0.5)
    """
    if not len(values_a) == len(values_b) == len(users):
        raise DatasetError(
            f"one value and one user a list: got {len(values_a)} and {len(values_b)} values, "
            f"{len(users)} users"
        )
    difference = values_a - values_b
    known = ~np.isnan(difference)
    return mean_interval(
        difference[known], Clusters(users[known]), draws=draws, seed=seed, confidence=confidence
    )
