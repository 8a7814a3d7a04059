"""Kernels of the listwise loss: log-loss plus the softmax loss of each success within its list.

The loss of a row is its log-loss; a success adds ``share`` times its softmax loss,
log(sum of exp(margins of its list)) - margin. Given that exactly one row of a list succeeds, the
softmax of independent log-odds is the probability of each row to be that one (McFadden, 1974), so
the true log-odds minimise both parts. Lists without a success or without a failure add no softmax
loss. Margins and targets are float64[n]; ``offsets`` (int64[n_lists + 1]) are the list boundaries.
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
    """First and second derivative of the summed loss by each margin: float64[n] each.

    The second one is the diagonal of the Hessian.
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
def list_losses_kernel(margins: Floats, target: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Softmax loss of each success within its list, 0 for failures: float64[n], in nats."""
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
