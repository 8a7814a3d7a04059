"""Kernels from margins to predictions: probabilities of classes, and values.

One row at a time, since NumPy's exp may differ with a value's position in the array.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled
from liverank.models.sigmoid_kernel import sigmoid_kernel


@compiled
def softmax_kernel(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of the classes, float64[n, k], from logits of the same shape."""
    n, k = margins.shape
    shares = np.empty((n, k))
    for i in range(n):
        top = margins[i, 0]
        for j in range(1, k):
            top = max(top, margins[i, j])
        total = 0.0
        for j in range(k):
            shares[i, j] = math.exp(margins[i, j] - top)
            total += shares[i, j]
        for j in range(k):
            shares[i, j] /= total
    return shares


@compiled
def expm1_kernel(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(margin) - 1, at least 0, and finite: float64[n]."""
    values = np.empty(len(margins))
    for i in range(len(margins)):
        values[i] = math.expm1(min(max(margins[i], 0.0), 700.0))
    return values


@compiled
def steps_kernel(
    margins: NDArray[np.float64], knots: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Straight lines between the points (knot, level), constant beyond them: float64[n]."""
    values = np.empty(len(margins))
    last = len(knots) - 1
    for i in range(len(margins)):
        at = margins[i]
        right = np.searchsorted(knots, at, side="right")
        if right == 0:
            values[i] = levels[0]
        elif right > last:
            values[i] = levels[last]
        else:
            share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
            values[i] = levels[right - 1] + share * (levels[right] - levels[right - 1])
    return values


@compiled
def chances_kernel(
    margins: NDArray[np.float64],
    weight: float,
    slope: float,
    offset: float,
    knots: NDArray[np.float64],
    levels: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Calibrated probabilities, float64[n], from the raw margins float64[n] of a single part.

    The operations and their order are those of weighting, calibration and link. One call does all
    of them, because for lists of fifty rows three calls take longer than the arithmetic.
    """
    scaled = np.empty(len(margins))
    for i in range(len(margins)):
        scaled[i] = (0.0 + weight * margins[i]) * slope + offset
    if len(knots):
        scaled = steps_kernel(scaled, knots, levels)
    return sigmoid_kernel(scaled)
