"""The memory of a state: a few arrays over one file in memory, which other processes may map.

Room is reserved at once, for as much as the state may ever take, and given by the system page by
page as it is touched. So no array ever moves, and one that a reader holds stays good while the
writer adds to it. Invariant: every array is a function of the events folded, bit for bit.
"""

import mmap
import os
import sys
import tempfile
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from liverank.errors import StateError
from liverank.features.kernels.places import (
    CAPACITY,
    FIRST_LEVEL,
    HEADER_SIZE,
    ITEMS,
    LEVEL,
    MAX_ITEMS,
    USED,
    VERSION,
    WIDEST,
    WIDTH,
)
from liverank.features.kernels.rows import FULLEST
from liverank.features.layout import Layout
from liverank.features.layout_arrays import LayoutArrays, arrays_of

_PAGE = 1 << 12


class Arrays(NamedTuple):
    """What kernels take of a store.

    ``header``     int64[136]: counts, clocks, and the first place of each free list
    ``slots``      uint64[2 ** levels]: the places of rows by their keys; level n lies at ``2**n``
    ``tables``     uint8[2 ** levels]: the scopes that those rows are of
    ``directory``  uint32[items]: the place of each item's row by its number; 0 once it is gone
    ``words``      float64[...]: the rows, histories and edges
    """

    header: NDArray[np.int64]
    slots: NDArray[np.uint64]
    tables: NDArray[np.uint8]
    directory: NDArray[np.uint32]
    words: NDArray[np.float64]


class Store:
    """Arrays over a file in memory, made empty or mapped from another process's."""

    def __init__(self, layout: Layout, *, fd: int | None = None) -> None:
        """Make an empty store, or map the one of a file descriptor.

        Raises StateError where the system does not reserve the room.
        """
        shape = arrays_of(layout)
        sizes = _sizes(shape)
        starts = np.cumsum([0, *(-(-size // _PAGE) * _PAGE for size in sizes)]).tolist()
        is_new = fd is None
        self.fd = _file_in_memory() if fd is None else os.dup(fd)
        try:
            if is_new:
                os.ftruncate(self.fd, starts[-1])
            flags = mmap.MAP_SHARED | getattr(mmap, "MAP_NORESERVE", 0)
            self._map = mmap.mmap(self.fd, starts[-1], flags=flags)
        except OSError as error:
            os.close(self.fd)
            raise StateError(
                f"no room to reserve {starts[-1] / 1e9:.1f} GB of address space for feature state: "
                f"{error}; lower `features.memory`, or lift the limit (`ulimit -v`)"
            ) from None
        types = (np.int64, np.uint64, np.uint8, np.uint32, np.float64)
        views = (
            np.frombuffer(self._map, kind, size // np.dtype(kind).itemsize, start)
            for kind, size, start in zip(types, sizes, starts[:-1], strict=True)
        )
        self.arrays = Arrays(*views)
        if is_new:
            widest = int(shape.numbers[WIDEST])
            self.arrays.words[widest : 2 * widest] = np.nan
            self.arrays.header[LEVEL] = FIRST_LEVEL
            self.arrays.header[USED] = 2 * widest

    def used(self) -> dict[str, NDArray[Any]]:
        """The part of each array that holds something, by its name: what a copy must hold."""
        header, size = self.arrays.header, 1 << int(self.arrays.header[LEVEL])
        level = slice(size, 2 * size)
        return {
            "header": header,
            "slots": self.arrays.slots[level],
            "tables": self.arrays.tables[level],
            "directory": self.arrays.directory[: int(header[ITEMS]) + 1],
            "words": self.arrays.words[: int(header[USED])],
        }

    def take_header(self, header: NDArray[np.int64]) -> None:
        """Make an empty store one whose ``used`` parts are still to be filled.

        Raises StateError for the header, int64[136], of a store that is larger or was being folded.
        """
        arrays = self.arrays
        fits = (
            header[VERSION] % 2 == 0
            and FIRST_LEVEL <= header[LEVEL] < int(arrays.slots.size).bit_length() - 1
            and 0 <= header[ITEMS] < arrays.directory.size
            and 0 < header[USED] <= arrays.words.size
        )
        if not fits:
            raise StateError("the header of a store does not fit this one; fold the log instead")
        arrays.header[:] = header

    def close(self) -> None:
        """Give the file back; the memory goes when no array of it is left."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self.close()


def _sizes(shape: LayoutArrays) -> tuple[int, ...]:
    """Bytes of each array."""
    words = int(shape.numbers[CAPACITY])
    narrowest = int(shape.scopes[:, WIDTH].min())
    level = max(FIRST_LEVEL, int(np.ceil(np.log2(words / narrowest / FULLEST))))
    slots = 2 << level
    return HEADER_SIZE * 8, 8 * slots, slots, 4 * MAX_ITEMS, 8 * words


def _file_in_memory() -> int:
    if sys.platform == "linux":
        return os.memfd_create("liverank-state")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
