"""The kernel that turns margins into probabilities."""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled


@compiled
def sigmoid_kernel(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of margins, both float64[n].

    One value at a time, since NumPy's exp may differ with a value's position in the array.
    """
    probabilities = np.empty(len(margins))
    for i in range(len(margins)):
        if margins[i] >= 0:
            probabilities[i] = 1.0 / (1.0 + math.exp(-margins[i]))
        else:
            odds = math.exp(margins[i])
            probabilities[i] = odds / (1.0 + odds)
    return probabilities
