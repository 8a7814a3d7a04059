"""Holm's correction: the probability of a false alarm in any of several tests is at most alpha.

Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).
"""

import math
from collections.abc import Sequence


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values, each to be compared with alpha; NaN stays NaN and is not counted.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted((i for i, one in enumerate(p) if not math.isnan(one)), key=lambda i: p[i])
    adjusted = [math.nan] * len(p)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted
