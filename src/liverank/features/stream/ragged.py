"""Lists of different lengths in flat arrays: one array of offsets, and one of all elements."""

import numpy as np
from numpy.typing import NDArray


def offsets_of(sizes: NDArray[np.integer | np.bool_]) -> NDArray[np.int64]:
    """The start of each list, and the end: int64[n + 1], from the lengths of the lists, int[n].

    >>> offsets_of(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def taken(
    offsets: NDArray[np.int64], lists: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Select lists in any order: their offsets, int64[m + 1], and the indices of their elements.

    ``lists``, int64[m], are indices of lists; their elements are ``elements[indices]``.

    >>> offsets, indices = taken(np.array([0, 2, 2, 3]), np.array([2, 0]))
    >>> offsets.tolist(), indices.tolist()
    ([0, 1, 3], [2, 0, 1])
    """
    starts = offsets[lists]
    sizes = offsets[lists + 1] - starts
    chosen = offsets_of(sizes)
    return chosen, np.repeat(starts - chosen[:-1], sizes) + np.arange(chosen[-1])
