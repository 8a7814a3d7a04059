"""The data of each unit that a metric needs, declared before the log is read.

All needs of all metrics are gathered in one reading. Invariant: an interaction counts only where it
came strictly later than the unit's exposure, by the times of both, in whatever order they were
logged.
"""

from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000


class Need(msgspec.Struct, frozen=True):
    """Interactions of some types within a time after each unit's exposure."""

    types: tuple[str, ...]
    """Interaction types; empty for any."""
    until_ms: int
    """The last millisecond after the exposure that counts."""
    after_ms: int = 0
    """Milliseconds after the exposure from which (exclusive) interactions count."""
    of: Literal["count", "value", "days"] = "count"
    """Their number, the sum of their values (no value counts as 0), or the number of days with at
    least one. Days are those of the unit: 24 hours each from its exposure, counted when over."""


class View(Protocol):
    """Totals of each of n exposed units: at a look, on one of its days, or before exposure.

    All arrays are in the same order of units.
    """

    def total(self, need: Need) -> NDArray[np.float64]:
        """The total of a need by unit, ``float64[n]``."""

    def days(self, until_ms: int) -> NDArray[np.float64]:
        """Whole days seen of a window that begins with the exposure, ``float64[n]``."""

    def over(self, until_ms: int) -> NDArray[np.bool_]:
        """Whether that long has passed since the exposure, ``bool[n]``."""
