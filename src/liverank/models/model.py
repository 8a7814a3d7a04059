"""The model of a bundle: trees, a linear part, or both, and a calibrator.

margin = slope x (forest + linear) + offset, and probability = 1 / (1 + exp(-margin)). Weights of a
blend are already inside the leaves and the coefficients.
Invariant: the slope is above zero, so calibration never changes an order; a row's score does not
depend on the rows scored with it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models import forest as forest_module
from liverank.models import linear as linear_module
from liverank.models.forest import Forest
from liverank.models.linear import Linear
from liverank.models.sigmoid_kernel import sigmoid_kernel


@dataclass(frozen=True, eq=False)
class Model:
    """A forest, a linear part, or both (one may be None).

    Raises BundleError when both are missing, their widths differ, or the slope is not above zero.

    >>> from liverank.models.forest import leaf_arrays
    >>> model = Model(forest=Forest.from_arrays(leaf_arrays(3.0), n_features=2), slope=0.5)
    >>> model.margin(np.zeros((1, 2), np.float32)).tolist()
    [1.5]
    >>> model.probability(np.zeros((1, 2), np.float32)).round(4).tolist()
    [0.8176]
    """

    forest: Forest | None = None
    linear: Linear | None = None
    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        widths = {part.n_features for part in (self.forest, self.linear) if part is not None}
        if len(widths) != 1:
            raise BundleError(f"model: its parts score rows of one width, got {sorted(widths)}")
        if not (0 < self.slope < math.inf and math.isfinite(self.offset)):
            raise BundleError(
                f"model: the calibrator's slope is above zero and its offset finite, "
                f"got {self.slope} and {self.offset}"
            )

    @property
    def n_features(self) -> int:
        """The width of the rows it scores."""
        part = self.forest or self.linear
        assert part is not None
        return part.n_features

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns that change some row's score, rising."""
        parts = [part.used for part in (self.forest, self.linear) if part is not None]
        return np.unique(np.concatenate(parts))

    def margin(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds of rows, float32[n, n_features]: float64[n]. Safe from several threads.

        Raises ServingError when the rows are of another type or width.
        """
        if self.forest is None:
            assert self.linear is not None
            raw = self.linear.margin(rows)
        else:
            raw = self.forest.margin(rows)
            if self.linear is not None:
                raw += self.linear.margin(rows)
        return raw * self.slope + self.offset

    def probability(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of success, float64[n] within 0 and 1; else as ``margin``."""
        return sigmoid(self.margin(rows))

    def keep_columns(self, columns: NDArray[np.int64]) -> "Model":
        """The same model reading narrower rows: column i of after is ``columns[i]`` of before.

        ``columns`` rises and holds all of ``used``; raises BundleError when one is left out.
        """
        if not np.isin(self.used, columns).all():
            raise BundleError(f"model: it uses columns {self.used}, and only {columns} are kept")
        return Model(
            forest=self.forest and self.forest.keep_columns(columns),
            linear=self.linear and self.linear.keep_columns(columns),
            slope=self.slope,
            offset=self.offset,
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All of the model, by name: ``forest.starts``, ``linear.weight``, ``calibration``, ..."""
        arrays: dict[str, NDArray[Any]] = {
            "n_features": np.array([self.n_features], np.int64),
            "calibration": np.array([self.slope, self.offset], np.float64),
        }
        for name, part in (("forest", self.forest), ("linear", self.linear)):
            if part is not None:
                arrays |= {f"{name}.{key}": array for key, array in part.to_arrays().items()}
        return arrays

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Model":
        """The opposite of ``to_arrays``. Raises BundleError for missing, extra or wrong arrays."""
        left = dict(arrays)
        (n_features,) = _take(left, "n_features", np.int64, 1).tolist()
        slope, offset = _take(left, "calibration", np.float64, 2).tolist()
        forest = _take_part(left, "forest", set(forest_module.ARRAYS), optional="cover")
        linear = _take_part(left, "linear", set(linear_module.ARRAYS))
        if left:
            raise BundleError(f"model: unknown array `{min(left)}`")
        model = Model(
            forest=Forest.from_arrays(forest, n_features) if forest else None,
            linear=Linear.from_arrays(linear) if linear else None,
            slope=slope,
            offset=offset,
        )
        if model.n_features != n_features:
            raise BundleError(f"model: {model.n_features} weights for {n_features} features")
        return model


def sigmoid(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-margin)), without overflow: float64[n].

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    probabilities: NDArray[np.float64] = sigmoid_kernel(margins)
    return probabilities


def _take(arrays: dict[str, NDArray[Any]], name: str, dtype: type, size: int) -> NDArray[Any]:
    array = arrays.pop(name, None)
    if array is None or array.dtype != dtype or array.shape != (size,):
        raise BundleError(f"model: `{name}` is missing or not {np.dtype(dtype)}[{size}]")
    return array


def _take_part(
    arrays: dict[str, NDArray[Any]], part: str, names: set[str], optional: str = ""
) -> dict[str, NDArray[Any]]:
    """The arrays of one part, or none; a part is there as a whole or not at all."""
    found = {name for name in names if f"{part}.{name}" in arrays}
    if found and found != names:
        raise BundleError(f"model: `{part}.{min(names - found)}` is missing")
    if found and f"{part}.{optional}" in arrays:
        found.add(optional)
    return {name: arrays.pop(f"{part}.{name}") for name in found}
