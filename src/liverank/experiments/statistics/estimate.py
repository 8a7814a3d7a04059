"""A metric in one arm: its value, and the variance of that value."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of one arm."""

    value: float
    variance: float
    """Of ``value``, so the squared standard error; NaN where it is unknown."""
    count: int
    """Independent units."""
    reason: str = ""
    """Why something above is NaN, where the reason is not just that units are few."""

    @property
    def se(self) -> float:
        """The standard error."""
        return math.sqrt(self.variance)
