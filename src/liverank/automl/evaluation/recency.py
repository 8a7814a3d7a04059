"""How much of the past trains a model: the newest share of the rows, and weights by their age.

Invariant: rows are given in the order of time, the oldest first.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix


@dataclass(frozen=True)
class Recency:
    """The newest share ``history`` of the rows, of which each counts by its age.

    ``half_life`` is the age at which a row counts half, as a share of all rows; None for no
    weights by age.

    >>> Recency(history=0.5).newest(np.arange(6)).tolist()
    [3, 4, 5]
    >>> Recency(half_life=0.5).weights(4).round(2).tolist()
    [0.35, 0.5, 0.71, 1.0]
    """

    history: float = 1.0
    half_life: float | None = None

    def newest(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows that are used, at least one."""
        return rows[len(rows) - self.n_used(len(rows)) :]

    def n_used(self, n: int) -> int:
        """Number of rows that are used of ``n``."""
        return n if self.history >= 1 else min(max(round(self.history * n), 1), n)

    def weights(self, n: int) -> NDArray[np.float64]:
        """Weights by age of the ``n`` rows that are used, float64[n], the newest 1."""
        if self.half_life is None:
            return np.ones(n)
        age = np.arange(n - 1, -1, -1) * self.history / max(n, 1)
        weights: NDArray[np.float64] = 0.5 ** (age / self.half_life)
        return weights

    def effective_share(self, n: int = 1000) -> float:
        """Effective sample size (Kish, 1965) of ``n`` rows, as a share of them.

        >>> (
        ...     Recency(history=0.25).effective_share(),
        ...     round(Recency(half_life=0.5).effective_share(), 2),
        ... )
        (0.25, 0.87)
        """
        weights = self.weights(self.n_used(n))
        return float(weights.sum() ** 2 / (weights**2).sum()) / n

    def weighted(self, train: Matrix) -> Matrix:
        """Training rows with their weights by age, on top of their own weights."""
        if self.half_life is None:
            return train
        own = np.ones(len(train)) if train.weight is None else train.weight
        return replace(train, weight=own * self.weights(len(train)))


ALL_ALIKE = Recency()
"""All rows of the past, each of the same weight."""
