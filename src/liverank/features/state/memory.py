"""The memory of a state: a few arrays over one in-memory file, which other processes may map.

No array ever moves, so a reader's array stays valid while the writer adds to it. Invariant:
every array is a function of the events folded, bit for bit.
"""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from liverank.errors import StateError
from liverank.features.kernels.memory.index import FULLEST
from liverank.features.kernels.memory.offsets import (
    FIRST_LEVEL,
    HEADER_ITEMS,
    HEADER_LEVEL,
    HEADER_SIZE,
    HEADER_USED,
    HEADER_VERSION,
    MAX_ITEMS,
    NUMBERS_CAPACITY,
    NUMBERS_WIDEST,
    SHAPE_WIDTH,
)
from liverank.features.layout.layout import Layout
from liverank.features.state.layout_arrays import LayoutArrays, arrays_of
from liverank.features.state.shared_memory import SharedArrays


class Arrays(NamedTuple):
    """A store's arrays, as kernels take them.

    ``header``     int64[136]: counts, clocks, and the first offset of each free list
    ``slots``      uint64[2 ** levels]: the offsets of rows by their keys; level n is at ``2**n``
    ``tables``     uint8[2 ** levels]: the scopes of those rows
    ``directory``  uint32[items]: the offset of each item's row by its number; 0 once it is gone
    ``words``      float64[...]: the rows, histories and edges
    """

    header: NDArray[np.int64]
    slots: NDArray[np.uint64]
    tables: NDArray[np.uint8]
    directory: NDArray[np.uint32]
    words: NDArray[np.float64]


class Store:
    """Arrays over an in-memory file, either new and empty or mapped from another process."""

    def __init__(self, layout: Layout, *, fd: int | None = None) -> None:
        """Create an empty store, or map the one of a file descriptor.

        Raises StateError where the system does not reserve the memory.
        """
        shape = arrays_of(layout)
        self._shared = SharedArrays(_shapes(shape), fd=fd)
        self.arrays = Arrays(*self._shared.arrays)
        if fd is None:
            widest = int(shape.numbers[NUMBERS_WIDEST])
            self.arrays.words[widest : 2 * widest] = np.nan
            self.arrays.header[HEADER_LEVEL] = FIRST_LEVEL
            self.arrays.header[HEADER_USED] = 2 * widest

    def used(self) -> dict[str, NDArray[Any]]:
        """The used part of each array, by name: a copy must contain these."""
        header, size = self.arrays.header, 1 << int(self.arrays.header[HEADER_LEVEL])
        level = slice(size, 2 * size)
        return {
            "header": header,
            "slots": self.arrays.slots[level],
            "tables": self.arrays.tables[level],
            "directory": self.arrays.directory[: int(header[HEADER_ITEMS]) + 1],
            "words": self.arrays.words[: int(header[HEADER_USED])],
        }

    def take_header(self, header: NDArray[np.int64]) -> None:
        """Set the header of an empty store, whose ``used`` parts are then to be filled.

        Raises StateError for the header, int64[136], of a store that is larger or was being folded.
        """
        arrays = self.arrays
        fits = (
            header[HEADER_VERSION] % 2 == 0
            and FIRST_LEVEL <= header[HEADER_LEVEL] < int(arrays.slots.size).bit_length() - 1
            and 0 <= header[HEADER_ITEMS] < arrays.directory.size
            and 0 < header[HEADER_USED] <= arrays.words.size
        )
        if not fits:
            raise StateError("the header of a store does not fit this one; fold the log instead")
        arrays.header[:] = header

    @property
    def fd(self) -> int:
        """The file descriptor by which another process maps this store; -1 once it is closed."""
        return self._shared.fd

    def close(self) -> None:
        """Close the file; the memory is freed when no array of it is left."""
        self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _shapes(shape: LayoutArrays) -> list[tuple[npt.DTypeLike, int]]:
    """The type and the number of elements of each array."""
    words = int(shape.numbers[NUMBERS_CAPACITY])
    narrowest = int(shape.scopes[:, SHAPE_WIDTH].min())
    level = max(FIRST_LEVEL, int(np.ceil(np.log2(words / narrowest / FULLEST))))
    slots = 2 << level
    return [
        (np.int64, HEADER_SIZE),
        (np.uint64, slots),
        (np.uint8, slots),
        (np.uint32, MAX_ITEMS),
        (np.float64, words),
    ]
