"""The kernel that fits linear models of any task: loss and its gradient in one pass over the rows.

Plain loops on one thread, because a threaded BLAS is slow on a busy machine and the order of its
sums is not fixed.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

BINARY, MULTICLASS, REGRESSION = 0, 1, 2


# Not ``compiled``: sums may be reordered, which is several times faster; serving never runs it.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def linear_loss_kernel(
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    point: NDArray[np.float64],
    kind: int,
    base: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Summed weight x loss at ``point``, and its gradient, float64[k, f + 1] like ``point``.

    ``design`` is float64[n, f], ``target`` and ``weight`` are float64[n]; the last entry of each
    row of ``point`` is an intercept. ``kind`` selects the loss: log-loss of one margin or of k, or
    half the squared error. ``base``, float64[n], is added to the margins of each row; length 0 adds
    nothing.
    """
    n, f = design.shape
    k = point.shape[0]
    gradient: NDArray[np.float64] = np.zeros((k, f + 1))
    error: NDArray[np.float64] = np.zeros(k)
    total = 0.0
    for i in range(n):
        for c in range(k):
            margin = float(point[c, f]) + (base[i] if len(base) else 0.0)
            for j in range(f):
                margin += design[i, j] * point[c, j]
            error[c] = margin
        if kind == BINARY:
            odds = math.exp(-abs(error[0]))
            loss = math.log1p(odds) + max(error[0], 0.0) - target[i] * error[0]
            error[0] = (1.0 if error[0] >= 0 else odds) / (1.0 + odds) - target[i]
        elif kind == MULTICLASS:
            own = int(target[i])
            top = error[0]
            for c in range(1, k):
                top = max(top, error[c])
            loss = top - error[own]
            odds = 0.0
            for c in range(k):
                error[c] = math.exp(error[c] - top)
                odds += error[c]
            loss += math.log(odds)
            for c in range(k):
                error[c] /= odds
            error[own] -= 1.0
        else:
            error[0] -= target[i]
            loss = 0.5 * error[0] * error[0]
        total += weight[i] * loss
        for c in range(k):
            step = weight[i] * error[c]
            for j in range(f):
                gradient[c, j] += step * design[i, j]
            gradient[c, f] += step
    return total, gradient
