"""A metric in one arm: its value, and the variance of that value."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of one arm."""

    value: float
    variance: float
    """Variance of ``value``, the squared standard error; NaN if it is unknown."""
    count: int
    """Number of independent units."""
    reason: str = ""
    """The reason for a NaN above, unless it is just that there are few units."""

    @property
    def se(self) -> float:
        """The standard error."""
        return math.sqrt(self.variance)
