"""A linear model as arrays, for few training rows and for ensembles with trees.

Each feature adds weight x (value - mean). The value is clipped to the range of the training rows
and, for a column with long tails, put on a logarithmic scale; an unknown value adds a weight of its
own instead.
Invariant: a row's margin does not depend on the rows scored with it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.linear.kernel import expand_kernel, linear_kernel
from liverank.models.rows_check import check_rows

ARRAYS = {
    "low": np.dtype(np.float64),
    "high": np.dtype(np.float64),
    "logarithmic": np.dtype(np.bool_),
    "mean": np.dtype(np.float64),
    "weight": np.dtype(np.float64),
    "missing_weight": np.dtype(np.float64),
    "intercept": np.dtype(np.float64),
}
"""Names and types of the arrays that make a linear model; all but the intercept are [f]."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Arrays with an entry for each feature, and the intercept as float64[1].

    Raises BundleError when the arrays do not fit together.

    >>> model = Linear(
    ...     low=np.array([0.0]),
    ...     high=np.array([10.0]),
    ...     logarithmic=np.array([False]),
    ...     mean=np.array([1.0]),
    ...     weight=np.array([2.0]),
    ...     missing_weight=np.array([-5.0]),
    ...     intercept=np.array([0.5]),
    ... )
    >>> model.margin(np.array([[2], [99], [np.nan]], np.float32)).tolist()
    [2.5, 18.5, -4.5]
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    logarithmic: NDArray[np.bool_]
    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    missing_weight: NDArray[np.float64]
    intercept: NDArray[np.float64]
    _used: NDArray[np.int64] = field(init=False, repr=False)
    _terms: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_linear(self)
        used = np.flatnonzero((self.weight != 0) | (self.missing_weight != 0))
        object.__setattr__(self, "_used", used.astype(np.int64))
        by_feature = (self.low, self.high, self.mean, self.weight, self.missing_weight)
        object.__setattr__(self, "_terms", np.stack(by_feature, axis=1))

    @property
    def n_features(self) -> int:
        """The width of the rows it scores."""
        return len(self.weight)

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns with a weight, in rising order."""
        return self._used

    def margin(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows, float32[n, n_features]: float64[n]. Raises ServingError for other shapes."""
        check_rows(rows, self.n_features)
        margins: NDArray[np.float64] = linear_kernel(
            rows, self._used, self._terms, self.logarithmic, float(self.intercept[0])
        )
        return margins

    def times(self, factor: float) -> "Linear":
        """The model whose margin is this margin times a factor."""
        arrays = self.to_arrays()
        for name in ("weight", "missing_weight", "intercept"):
            arrays[name] = arrays[name] * factor
        return Linear.from_arrays(arrays)

    def on_columns(self, columns: NDArray[np.int64], n_features: int) -> "Linear":
        """The same model for wider rows: old column i is new column ``columns[i]``."""
        arrays = self.to_arrays()
        for name in ARRAYS:
            if name != "intercept":
                wide = np.zeros(n_features, ARRAYS[name])
                wide[columns] = arrays[name]
                arrays[name] = wide
        return Linear.from_arrays(arrays)

    def keep_columns(self, columns: NDArray[np.int64]) -> "Linear":
        """The same model for narrower rows: new column i is old column ``columns[i]``."""
        arrays = self.to_arrays()
        for name in ARRAYS:
            if name != "intercept":
                arrays[name] = arrays[name][columns]
        return Linear.from_arrays(arrays)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in ``ARRAYS``."""
        return {name: getattr(self, name) for name in ARRAYS}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Linear":
        """The opposite of ``to_arrays``. Raises BundleError."""
        return Linear(**arrays)


def expand(
    rows: NDArray[np.float32],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    logarithmic: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Values as a linear model reads them, NaN where unknown: float64[n, f]; for training.

    >>> one = np.ones(1)
    >>> expand(np.array([[7], [-3]], np.float32), -4 * one, 3 * one, one == 1).tolist()
    [[2.0], [-2.0]]
    """
    values: NDArray[np.float64] = expand_kernel(rows, low, high, logarithmic)
    return values


def _check_linear(linear: Linear) -> None:
    n_features = len(linear.weight)
    for name, dtype in ARRAYS.items():
        array = getattr(linear, name)
        size = 1 if name == "intercept" else n_features
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != (size,):
            raise BundleError(f"linear model: `{name}` is not {dtype}[{size}]")
        if not np.isfinite(array).all():
            raise BundleError(f"linear model: `{name}` holds a value that is not finite")
