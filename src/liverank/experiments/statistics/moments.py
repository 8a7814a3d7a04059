"""Sufficient statistics of several columns over units: count, means and products of deviations.

Means, ratios and covariate adjustment need no other statistics, so the data is read once, in pieces
of any size. Invariant: the moments of two sets of units, added, are the moments of both together.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of k columns over units."""

    count: int
    """Number of units."""
    means: NDArray[np.float64]
    """``float64[k]``; zero if there are no units."""
    products: NDArray[np.float64]
    """``float64[k, k]``: sums over units of the products of two columns' deviations."""

    @classmethod
    def of(cls, columns: NDArray[np.float64]) -> Self:
        """The moments of ``float64[n_units, k]``; ``float64[n_units]`` counts as one column.

        >>> Moments.of(np.array([[1.0, 2.0], [3.0, 4.0]])).means
        array([2., 3.])
        """
        table = np.asarray(columns, dtype=np.float64)
        if table.ndim == 1:
            table = table[:, None]
        if len(table) == 0:
            return cls.none(table.shape[1])
        means = table.mean(axis=0)
        deviations = table - means
        # removes the rounding error of the mean, and so of the products
        rest = deviations.mean(axis=0)
        deviations -= rest
        return cls(len(table), means + rest, deviations.T @ deviations)

    @classmethod
    def none(cls, k: int) -> Self:
        """The moments of k columns over zero units, the start of a sum."""
        return cls(0, np.zeros(k), np.zeros((k, k)))

    def __add__(self, other: Self) -> Self:
        """The moments of both sets of units (Chan, Golub and LeVeque 1983)."""
        count = self.count + other.count
        if count == 0:
            return self
        shift = other.means - self.means
        return type(self)(
            count,
            self.means + shift * (other.count / count),
            self.products
            + other.products
            + np.outer(shift, shift) * (self.count * other.count / count),
        )

    def of_columns(self, columns: list[int]) -> Self:
        """The moments of some of the columns, in the order given."""
        return type(self)(self.count, self.means[columns], self.products[np.ix_(columns, columns)])

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The sample covariance, ``float64[k, k]``; NaN with fewer than two units."""
        if self.count < 2:
            return np.full_like(self.products, np.nan)
        return self.products / (self.count - 1)
