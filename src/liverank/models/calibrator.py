"""What turns raw margins into honest ones: a slope and an offset each, and steps where rows abound.

Invariant: every slope is above zero and steps only rise, so calibration never turns an order of one
margin round.
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
    """slope x margin + offset, then lines between (knot, level) where there are knots.

    slope, offset  float64[k]; knots, levels  float64[m], rising, m = 0 for none; k = 1 with knots

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
            raise BundleError("calibrator: its arrays are flat, of float64 and finite")
        if len(self.slope) != len(self.offset) or not (self.slope > 0).all():
            raise BundleError(
                f"calibrator: one slope above zero and one offset a margin, got {self.slope} "
                f"and {self.offset}"
            )
        if len(self.knots) != len(self.levels) or (len(self.knots) and len(self.slope) != 1):
            raise BundleError("calibrator: one level a knot, and knots for one margin only")
        if (np.diff(self.knots) <= 0).any() or (np.diff(self.levels) < 0).any():
            raise BundleError("calibrator: knots and levels rise")

    @staticmethod
    def none(n_margins: int) -> "Calibrator":
        """The one that changes nothing."""
        return Calibrator(np.ones(n_margins), np.zeros(n_margins))

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool((self.slope != 1).any() or self.offset.any() or len(self.knots))

    def apply(self, margins: Floats) -> Floats:
        """Calibrated margins, float64[n, k], of raw ones."""
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
