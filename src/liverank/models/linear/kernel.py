"""Kernels of the linear model: the scale of its values, and the weighted sum.

Invariant: only IEEE additions, multiplications, comparisons and ``frexp`` are used, one row at a
time, so a row scores the same bits in any batch and on any machine.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled


@compiled
def read_value(x: float, low: float, high: float, logarithmic: bool) -> float:
    """A value clipped to low and high; of a logarithmic feature, its signed log2(1 + |x|).

    The logarithm is a straight line between powers of two: 1 + |x| = m 2^e with m in [1/2, 1)
    gives e - 2 + 2 m, which is exact at powers of two, rises everywhere and is at most 0.09 off.
    """
    clipped = min(max(x, low), high)
    if not logarithmic:
        return clipped
    m, e = math.frexp(1.0 + abs(clipped))
    size = e - 2.0 + 2.0 * m
    return size if clipped >= 0 else -size


@compiled
def expand_kernel(
    rows: NDArray[np.float32],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    logarithmic: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Values as the model reads them, NaN where unknown: float64[n, f]."""
    n, f = rows.shape
    values = np.empty((n, f))
    for i in range(n):
        for j in range(f):
            x = float(rows[i, j])
            values[i, j] = (
                np.nan if math.isnan(x) else read_value(x, low[j], high[j], logarithmic[j])
            )
    return values


@compiled
def linear_kernel(
    rows: NDArray[np.float32],
    used: NDArray[np.int64],
    terms: NDArray[np.float64],
    logarithmic: NDArray[np.bool_],
    intercept: float,
) -> NDArray[np.float64]:
    """Intercept plus the terms of the used columns, in their order: float64[n].

    rows         float32[n, f]
    used         int64[n_used], columns
    terms        float64[f, 5]: low, high, mean, weight, weight of an unknown value
    logarithmic  bool[f]
    """
    margins = np.empty(len(rows))
    for i in range(len(rows)):
        total = intercept
        for j in used:
            x = float(rows[i, j])
            if math.isnan(x):
                total += terms[j, 4]
            else:
                value = read_value(x, terms[j, 0], terms[j, 1], logarithmic[j])
                total += terms[j, 3] * (value - terms[j, 2])
        margins[i] = total
    return margins
