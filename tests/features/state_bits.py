"""What a state holds, to compare two of them bit for bit."""

import numpy as np

from liverank.features.kernels.memory.offsets import HEADER_VERSION


def bits(state):
    """The bytes of every used part by its name; the number of batches folded is no part of it."""
    parts = {name: np.array(array) for name, array in state.store.used().items()}
    parts["header"][HEADER_VERSION] = 0
    return {name: array.tobytes() for name, array in parts.items()}
