"""Kernels of the loss that sees a list: how well log-odds tell which of its rows succeed.

The loss of a row is its log-loss, and of a success, ``share`` times how unlikely it was to be the
one of its list: log(sum of exp(margins of the list)) - margin. Given that one row of a list
succeeds, independent log-odds say exactly that of which it is (McFadden, 1974), so true log-odds
lower both parts as far as any can. A list without a success, or without a failure, says nothing
of which.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def list_gradients_kernel(
    margins: Floats, target: Floats, offsets: NDArray[np.int64], share: float
) -> tuple[Floats, Floats]:
    """First and second derivative of the summed loss in each margin: float64[n] each.

    The second one leaves out what the margins of other rows have to do with it.
    """
    first = np.empty(len(margins))
    second = np.empty(len(margins))
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        successes, top, total = 0.0, -np.inf, 0.0
        for row in range(start, end):
            successes += target[row]
            top = max(top, margins[row])
        weight = share * successes if 0.0 < successes < end - start else 0.0
        for row in range(start, end):
            total += math.exp(margins[row] - top)
        for row in range(start, end):
            odds = math.exp(-abs(margins[row]))
            chance = (1.0 if margins[row] >= 0 else odds) / (1.0 + odds)
            first[row] = chance - target[row]
            second[row] = chance * (1.0 - chance)
            if weight > 0.0:
                of_list = math.exp(margins[row] - top) / total
                first[row] += weight * of_list - share * target[row]
                second[row] += weight * of_list * (1.0 - of_list)
    return first, second


@compiled
def which_losses_kernel(margins: Floats, target: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Of each success, how unlikely it was to be the one of its list; 0 for others: float64[n]."""
    losses = np.zeros(len(margins))
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        successes, top, total = 0.0, -np.inf, 0.0
        for row in range(start, end):
            successes += target[row]
            top = max(top, margins[row])
        if not 0.0 < successes < end - start:
            continue
        for row in range(start, end):
            total += math.exp(margins[row] - top)
        spread = top + math.log(total)
        for row in range(start, end):
            losses[row] = target[row] * (spread - margins[row])
    return losses
