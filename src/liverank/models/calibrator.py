"""Calibration of raw margins: a slope and an offset for each, and steps where there are many rows.

Invariant: every slope is above zero and the steps never fall, so calibration keeps the order of the
rows by a margin.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.link_kernel import steps_kernel

Floats = NDArray[np.float64]
_ARRAYS = ("slope", "offset", "knots", "levels")


@dataclass(frozen=True, eq=False)
class Calibrator:
    """slope x margin + offset; with knots, then straight lines between the points (knot, level).

    slope, offset  float64[k]
    knots, levels  float64[m], in rising order; m = 0 for none, and k must be 1 where m is not 0

    Raises BundleError when the arrays do not fit together.

    >>> calibrator = Calibrator(np.array([0.5]), np.array([1.0]))
    >>> calibrator.apply(np.array([[2.0], [4.0]])).tolist()
    [[2.0], [3.0]]
    """

    slope: Floats
    offset: Floats
    knots: Floats = field(default_factory=lambda: np.zeros(0))
    levels: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        arrays = [getattr(self, name) for name in _ARRAYS]
        if any(a.dtype != np.float64 or a.ndim != 1 or not np.isfinite(a).all() for a in arrays):
            raise BundleError("calibrator: its arrays must be flat, float64 and finite")
        if len(self.slope) != len(self.offset) or not (self.slope > 0).all():
            raise BundleError(
                "calibrator: expected a slope above zero and an offset for each margin, got "
                f"{self.slope} and {self.offset}"
            )
        if len(self.knots) != len(self.levels) or (len(self.knots) and len(self.slope) != 1):
            raise BundleError(
                "calibrator: expected a level for each knot, and knots with one margin only"
            )
        if (np.diff(self.knots) <= 0).any() or (np.diff(self.levels) < 0).any():
            raise BundleError("calibrator: knots and levels must rise")

    @staticmethod
    def none(n_margins: int) -> "Calibrator":
        """A calibrator that changes nothing."""
        return Calibrator(np.ones(n_margins), np.zeros(n_margins))

    @property
    def changes(self) -> bool:
        """Whether it changes any margin."""
        return bool((self.slope != 1).any() or self.offset.any() or len(self.knots))

    def apply(self, margins: Floats) -> Floats:
        """Calibrated margins of raw margins, both float64[n, k]."""
        scaled: Floats = margins * self.slope + self.offset
        if len(self.knots):
            scaled = steps_kernel(scaled[:, 0], self.knots, self.levels)[:, None]
        return scaled

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """``slope``, ``offset``, ``knots`` and ``levels``."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Calibrator":
        """The opposite of ``to_arrays``. Raises BundleError."""
        if set(arrays) != set(_ARRAYS):
            raise BundleError(f"calibrator: expected {', '.join(_ARRAYS)}, got {sorted(arrays)}")
        return Calibrator(**arrays)
