"""Arrays over one in-memory file, which other processes may map.

Address space for the maximum size of the arrays is reserved at the start, and the system provides
memory page by page on first use, so no array ever moves. The file has no name: it is freed when
the last process that maps it has ended, however it ends.
"""

import mmap
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from liverank.errors import StateError

_PAGE = 1 << 12


class SharedArrays:
    """Arrays that follow each other in a file, each from the start of a page.

    ``shapes`` are the type and the number of elements of each. Without ``fd`` the file is new, and
    all of it is zero; with one it is that of another process.

    >>> first = SharedArrays([(np.int64, 3), (np.uint8, 10)])
    >>> second = SharedArrays([(np.int64, 3), (np.uint8, 10)], fd=first.fd)
    >>> first.arrays[0][1] = 7
    >>> second.arrays[0].tolist()
    [0, 7, 0]
    """

    def __init__(
        self, shapes: Sequence[tuple[npt.DTypeLike, int]], *, fd: int | None = None
    ) -> None:
        """Raises StateError where the system gives no file, or does not reserve the memory."""
        kinds = [np.dtype(kind) for kind, _ in shapes]
        sizes = [
            kind.itemsize * elements for kind, (_, elements) in zip(kinds, shapes, strict=True)
        ]
        starts = np.cumsum([0, *(-(-size // _PAGE) * _PAGE for size in sizes)]).tolist()
        is_new = fd is None
        try:
            self.fd = _file_in_memory() if fd is None else os.dup(fd)
        except OSError as error:
            raise StateError(
                f"no file in memory for feature state: {error}; lift the limit of open files "
                "(`ulimit -n`)"
            ) from None
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
        self.arrays: list[npt.NDArray[Any]] = [
            np.frombuffer(self._map, kind, size // kind.itemsize, start)
            for kind, size, start in zip(kinds, sizes, starts[:-1], strict=True)
        ]

    def close(self) -> None:
        """Close the file; the memory is freed when no array of it is left."""
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


def _file_in_memory() -> int:
    if sys.platform == "linux":
        return os.memfd_create("liverank-state")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
