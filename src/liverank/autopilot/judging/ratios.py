"""Ratios of sums over lists, and how they vary when people are drawn again.

Every figure of a verdict is a ratio: a mean over lists, a mean over rows, or observed over
predicted successes. All are drawn together, so that differences between methods are drawn as pairs.
Invariant: the draws depend on the people and the seed, not on the figures.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.dataset.bootstrap import Clusters
from liverank.features.hashing import mixed

Floats = NDArray[np.float64]

MOST_CLUSTERS = 4096
"""More people than this are drawn in groups of people, so that the time for a draw is bounded."""
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class DrawnRatios:
    """The ratios, and their values in each draw, float64[draws], by key."""

    values: dict[Hashable, float]
    draws: dict[Hashable, Floats]


class Ratios:
    """Collects ratios of sums over lists.

    >>> ratios = Ratios(np.array([7, 7, 9], np.uint64))
    >>> ratios.add("mean", np.array([1.0, 0.0, 2.0]), np.ones(3))
    >>> drawn = ratios.drawn(seed=0, draws=2)
    >>> drawn.values["mean"], drawn.draws["mean"].shape
    (1.0, (2,))
    """

    def __init__(self, users: NDArray[np.uint64]) -> None:
        """``users`` uint64[n_lists] are the hashes of the user of each list."""
        labels = users
        if len(np.unique(users)) > MOST_CLUSTERS:
            labels = mixed(users) % np.uint64(MOST_CLUSTERS)
        self._clusters = Clusters(labels.view(np.int64))
        self._keys: list[Hashable] = []
        self._sums: list[Floats] = []

    def add(self, key: Hashable, numerators: Floats, denominators: Floats) -> None:
        """Add a ratio; ``numerators`` and ``denominators`` are float64[n_lists]."""
        self._keys.append(key)
        self._sums += [self._clusters.sums(numerators), self._clusters.sums(denominators)]

    def drawn(self, *, seed: int, draws: int = DRAWS) -> DrawnRatios:
        """All ratios with their draws; NaN where a denominator is 0."""
        count = self._clusters.count
        sums = np.array(self._sums).reshape(2 * len(self._keys), count)
        drawn = np.empty((draws, len(sums)))
        if count:
            for draw, times in zip(range(draws), self._clusters.draws(seed), strict=False):
                # Not by BLAS, as in dataset/bootstrap.py.
                drawn[draw] = np.einsum("mc,c->m", sums, times.astype(np.float64))
        else:
            drawn[:] = 0.0
        totals = sums.sum(axis=1)
        return DrawnRatios(
            {
                key: float(_ratio(totals[2 * n], totals[2 * n + 1]))
                for n, key in enumerate(self._keys)
            },
            {key: _ratio(drawn[:, 2 * n], drawn[:, 2 * n + 1]) for n, key in enumerate(self._keys)},
        )


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where(denominators > 0, numerators / denominators, np.nan)
    return ratio
