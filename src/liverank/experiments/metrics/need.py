"""Declares the data of each unit that a metric needs, before the log is read.

All needs of all metrics are gathered in one pass. Invariant: an interaction counts only if its time
is strictly later than that of the unit's exposure, whatever their order in the log.
"""

from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000


class Need(msgspec.Struct, frozen=True):
    """Interactions of some types within a time after each unit's exposure."""

    types: tuple[str, ...]
    """Interaction types; empty for all."""
    until_ms: int
    """Milliseconds after the exposure up to which (inclusive) interactions count."""
    after_ms: int = 0
    """Milliseconds after the exposure from which (exclusive) interactions count."""
    of: Literal["count", "value", "days"] = "count"
    """Number of interactions, sum of their values (a missing value is 0), or number of active days.
    A day is 24 hours, counted from the unit's exposure; it counts when it is over."""


class View(Protocol):
    """Totals of each of n exposed units: at a look, on one of its days, or before exposure.

    All arrays are in the same order of units.
    """

    def total(self, need: Need) -> NDArray[np.float64]:
        """The total of a need by unit, ``float64[n]``."""

    def days(self, until_ms: int) -> NDArray[np.float64]:
        """Whole days so far of a window that begins with the exposure, ``float64[n]``."""

    def over(self, until_ms: int) -> NDArray[np.bool_]:
        """Whether this time has passed since the exposure, ``bool[n]``."""
