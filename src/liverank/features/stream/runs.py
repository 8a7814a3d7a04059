"""Sorted runs of events on disk, and their merge by time in bounded memory.

A run is an unnamed file, so that it is deleted however the process ends. Invariant: events of
one time are yielded together, even if they are in several runs.
"""

import errno
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError
from liverank.features.stream.event_arrays import Stream
from liverank.features.stream.stream_parts import FLAT, OFFSETS, RAGGED, part_of

BLOCK = 131_072
"""Number of events of one run that are in memory at a time."""


class Run:
    """Events sorted by time in a file of its own, read block by block."""

    def __init__(self, stream: Stream) -> None:
        """Write the stream. Raises DatasetError when the disk is full."""
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._starts: dict[str, int] = {}
        self._size, self._next = len(stream), 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (``close`` closes it)
        try:
            for name in (*FLAT, *OFFSETS, *RAGGED):
                array = np.ascontiguousarray(getattr(stream, name))
                self._kinds[name], self._starts[name] = array.dtype, self._file.tell()
                self._file.write(array.data)
            self._file.flush()
        except OSError as error:
            self._file.close()
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise DatasetError(
                f"{tempfile.gettempdir()}: no space to sort the history by time; free some space, "
                "or set TMPDIR to a folder on a larger disk"
            ) from error

    def read(self) -> Stream | None:
        """The next block of events, or None at the end."""
        begin, end = self._next, min(self._next + BLOCK, self._size)
        if begin == end:
            return None
        self._next = end
        arrays = {name: self._slice(name, begin, end) for name in FLAT}
        for of in OFFSETS:
            offsets = self._slice(of, begin, end + 1)
            for name in RAGGED:
                if RAGGED[name] == of:
                    arrays[name] = self._slice(name, int(offsets[0]), int(offsets[-1]))
            arrays[of] = offsets - offsets[0]
        return Stream(**arrays, clamped=0)

    def close(self) -> None:
        """Free the disk space; calling it twice is harmless."""
        self._file.close()

    def _slice(self, name: str, begin: int, end: int) -> NDArray[Any]:
        kind = self._kinds[name]
        self._file.seek(self._starts[name] + begin * kind.itemsize)
        return np.fromfile(self._file, kind, end - begin)


def merged(runs: list[Run], others: list[Stream]) -> Iterator[list[Stream]]:
    """Pieces of all runs and of other sorted streams, in the order of time.

    Each piece is a list of streams with all events of a time span; the caller sorts them together.
    """
    waiting: list[list[Stream]] = [*([other] for other in others), *([] for _ in runs)]
    sources: list[Run | None] = [*(None for _ in others), *runs]
    while True:
        for index, run in enumerate(sources):
            if run is not None and not waiting[index]:
                _read_on(waiting[index], sources, index, run)
        open_ends = [
            float(waiting[index][-1].at[-1]) for index, run in enumerate(sources) if run is not None
        ]
        until_ms = min(open_ends, default=np.inf)
        piece = [part for streams in waiting for part in _cut_before(streams, until_ms)]
        if piece:
            yield piece
        elif until_ms == np.inf:
            return
        else:  # the waiting block of some run has one millisecond only: read more
            for index, run in enumerate(sources):
                if run is not None and float(waiting[index][-1].at[-1]) == until_ms:
                    _read_on(waiting[index], sources, index, run)


def _read_on(waiting: list[Stream], sources: list[Run | None], index: int, run: Run) -> None:
    """Read one more block of a run, or note that it is at its end."""
    block = run.read()
    if block is None:
        sources[index] = None
    else:
        waiting.append(block)


def _cut_before(streams: list[Stream], until_ms: float) -> list[Stream]:
    """Remove the events before a time from sorted streams of one source, and return them."""
    early: list[Stream] = []
    while streams:
        count = int(np.searchsorted(streams[0].at, until_ms))
        if count == len(streams[0]):
            early.append(streams.pop(0))
            continue
        if count:
            early.append(part_of(streams[0], 0, count))
            streams[0] = part_of(streams[0], count, len(streams[0]))
        break
    return early
