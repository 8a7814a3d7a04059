"""An array that grows when higher indices are requested."""

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


class Grown(Generic[Number]):
    """A one-dimensional array whose elements are ``empty`` until they are set.

    >>> times = Grown(np.int64(-1))
    >>> times.upto(3)[1] = 7
    >>> times.upto(3).tolist()
    [-1, 7, -1]
    """

    def __init__(self, empty: Number) -> None:
        self._empty = empty
        self._array: NDArray[Number] = np.full(1024, empty, empty.dtype)

    def upto(self, count: int) -> NDArray[Number]:
        """The first ``count`` elements; a view, to read from and to write to."""
        if count > len(self._array):
            size = max(count, 2 * len(self._array))
            added = np.full(size - len(self._array), self._empty, self._empty.dtype)
            self._array = np.concatenate([self._array, added])
        return self._array[:count]
