"""The kernel that gives each hash it has not seen the next number. It takes arrays and scalars."""

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled


@compiled
def number_hashes(
    hashes: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    numbers: NDArray[np.int32],
    count: int,
    found: NDArray[np.int32],
) -> int:
    """Write the number of each hash into ``found``; returns how many numbers there are then.

    ``keys`` and ``numbers`` are an open-addressing table, whose size is a power of two and more
    than that of all hashes together; a key of 0 is a free place, and so is a hash of 0 no text.
    """
    mask = np.uint64(len(keys) - 1)
    for row in range(len(hashes)):
        key = hashes[row]
        if key == np.uint64(0):
            found[row] = -1
            continue
        place = (key ^ (key >> np.uint64(32))) & mask
        while keys[place] != np.uint64(0) and keys[place] != key:
            place = (place + np.uint64(1)) & mask
        if keys[place] == np.uint64(0):
            keys[place] = key
            numbers[place] = count
            count += 1
        found[row] = numbers[place]
    return count
