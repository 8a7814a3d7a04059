"""A confidence interval of a mean that assumes only a known range, no normal distribution.

Source: Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009,
Theorem 4, once for each side.
Invariant: it is valid for any number of independent values, so it is wide for few.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError

Interval = tuple[float, float]


def empirical_bernstein(
    values: NDArray[np.float64], least: float, greatest: float, level: float = 0.95
) -> Interval:
    """Bounds of the mean of independent values, float64[n], in [``least``, ``greatest``].

    Raises DatasetError if a value is out of range, or there are fewer than two values.

    >>> low, high = empirical_bernstein(np.tile([0.0, 1.0], 5_000), 0.0, 1.0)
    >>> round(low, 3), round(high, 3)
    (0.484, 0.516)
    """
    count = len(values)
    if count < 2:
        raise DatasetError(f"{count} values have no bound; 2 are needed")
    slack = 1e-9 * (greatest - least)
    if values.min() < least - slack or values.max() > greatest + slack:
        raise DatasetError(
            f"values from {values.min():g} to {values.max():g} are beyond the range {least:g} to "
            f"{greatest:g} that they are bounded by"
        )
    tail = math.log(4 / (1 - level))
    spread = math.sqrt(2 * float(values.var(ddof=1)) * tail / count)
    half = spread + 7 * (greatest - least) * tail / (3 * (count - 1))
    mean = float(values.mean())
    return max(mean - half, least), min(mean + half, greatest)
