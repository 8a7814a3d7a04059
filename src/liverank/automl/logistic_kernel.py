"""The kernel that fits a logistic model: log-loss and its gradient in one pass over the rows.

Plain loops on one thread, because a threaded BLAS is slow beside a busy neighbour and sums in an
order of its own.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


# Not ``compiled``: sums may be reordered here, several times faster, since nothing served runs it.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def logistic_kernel(
    design: NDArray[np.float64], labels: NDArray[np.uint8], point: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Summed log-loss at ``point`` (float64[f + 1], the intercept last), and its gradient.

    ``design`` is float64[n, f], ``labels`` uint8[n].
    """
    n, f = design.shape
    gradient: NDArray[np.float64] = np.zeros(f + 1)
    total = 0.0
    for i in range(n):
        margin = float(point[f])
        for j in range(f):
            margin += design[i, j] * point[j]
        odds = math.exp(-abs(margin))
        total += math.log1p(odds) + max(margin, 0.0) - labels[i] * margin
        probability = 1.0 / (1.0 + odds) if margin >= 0 else odds / (1.0 + odds)
        error = probability - labels[i]
        for j in range(f):
            gradient[j] += error * design[i, j]
        gradient[f] += error
    return total, gradient
