"""The kernel that numbers distinct hashes in order of arrival."""

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
    """Write the number of each hash into ``found``; return the count of distinct hashes so far.

    ``keys`` and ``numbers`` are an open-addressing table, whose size is a power of two and larger
    than the count of all hashes; a key of 0 marks a free slot, and a hash of 0 stands for null,
    whose number is -1.
    """
    mask = np.uint64(len(keys) - 1)
    for row in range(len(hashes)):
        key = hashes[row]
        if key == np.uint64(0):
            found[row] = -1
            continue
        slot = (key ^ (key >> np.uint64(32))) & mask
        while keys[slot] != np.uint64(0) and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == np.uint64(0):
            keys[slot] = key
            numbers[slot] = count
            count += 1
        found[row] = numbers[slot]
    return count
