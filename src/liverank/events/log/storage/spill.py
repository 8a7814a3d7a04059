"""External sorting of events: sorted runs on disk, merged a part at a time.

The runs are unnamed files in the directory of the segments, so the system removes them when the
process ends, however it ends. A run is a sequence of blocks; the sort key of each block's first
event is kept in memory, so all events before the next block's first one can be returned.
Invariant: the output is in import order, equal events in the order of input, and about one block of
each overlapping run is in memory at a time.
"""

import itertools
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple, TypeAlias

import polars as pl

from liverank.events.content_ids import OF_FILE
from liverank.events.frame import IMPORT_ORDER, SCHEMA

BLOCK_ROWS = 4096
MERGED_ROWS = 131_072
"""Minimum number of rows read at once for a merge."""
MOST_RUNS = 128
"""Most overlapping runs that are merged at once; more are first merged into fewer."""

COLUMNS = {name: SCHEMA[name] for name in SCHEMA if name not in ("seq", "arrived")} | {
    OF_FILE: pl.Int32()
}
"""Columns of spilled events."""

_KEYS = ("@time", "@kind", "@id", "@run")
_Key: TypeAlias = tuple[int, int, str, int]
"""Sort key of an event: time, kind, id, and the number of its run."""


class _Block(NamedTuple):
    """A part of a run: its first event's sort key, and the location of its bytes."""

    first: _Key
    at: int
    size: int
    last_ms: int


class Spill:
    """Sorted runs of events on disk. Raises OSError where the disk fails or is full."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] = _unnamed(directory)
        self._runs: list[list[_Block]] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Sort events with the columns COLUMNS, which fit into memory, and spill them."""
        if frame.height:
            frame = _with_keys(frame, len(self._runs)).sort(_KEYS, maintain_order=True)
            self._runs.append(_spilled(self._file, frame, len(self._runs)))

    def merged(self) -> Iterator[pl.DataFrame]:
        """All events with the columns COLUMNS in import order, a part at a time."""
        while _most_overlapping(self._runs) > MOST_RUNS:
            self._put_together()
        for frame in _merged(self._file, self._runs):
            yield frame.drop(_KEYS)

    def close(self) -> None:
        """Free the disk space."""
        self._file.close()

    def _put_together(self) -> None:
        """Merge consecutive runs, a limited number at a time, into another file."""
        file = _unnamed(self._directory)
        runs: list[list[_Block]] = []
        for first in range(0, len(self._runs), MOST_RUNS):
            blocks: list[_Block] = []
            for frame in _merged(self._file, self._runs[first : first + MOST_RUNS]):
                blocks += _spilled(file, frame, len(runs))
            runs.append(blocks)
        self._file.close()
        self._file, self._runs = file, runs


def _unnamed(directory: Path) -> IO[bytes]:
    # The suffix only matters on systems that cannot create an unnamed file directly.
    return TemporaryFile(dir=directory, suffix=".draft")


def _with_keys(frame: pl.DataFrame, run: int) -> pl.DataFrame:
    time, kind, key = IMPORT_ORDER
    return frame.with_columns(
        time.alias("@time"),
        kind.alias("@kind"),
        key.fill_null("").alias("@id"),
        pl.lit(run, pl.Int32).alias("@run"),
    )


def _spilled(file: IO[bytes], frame: pl.DataFrame, run: int) -> list[_Block]:
    """Write sorted events with their keys; columns that are entirely null are left out."""
    blocks = []
    for block in frame.iter_slices(BLOCK_ROWS):
        time, kind, key = block.select(_KEYS[:3]).row(0)
        used = [name for name in COLUMNS if block[name].null_count() < block.height]
        content = BytesIO()
        block.select(used).write_ipc(content, compression="lz4")
        at = file.seek(0, 2)
        size = file.write(content.getbuffer())
        blocks.append(_Block((time, kind, key, run), at, size, block["@time"][-1]))
    file.flush()
    return blocks


def _read(file: IO[bytes], block: _Block) -> pl.DataFrame:
    file.seek(block.at)
    frame = pl.read_ipc(file.read(block.size))
    absent = [pl.lit(None, COLUMNS[name]).alias(name) for name in COLUMNS if name not in frame]
    return _with_keys(frame.with_columns(absent).select(*COLUMNS), block.first[3])


def _merged(file: IO[bytes], runs: list[list[_Block]]) -> Iterator[pl.DataFrame]:
    """The events of runs in order, with their keys."""
    blocks = sorted(itertools.chain.from_iterable(runs), key=lambda block: (block.first, block.at))
    held: list[pl.DataFrame] = []
    index = 0
    while index < len(blocks):
        rows = 0
        while index < len(blocks) and rows < MERGED_ROWS:
            held.append(_read(file, blocks[index]))
            rows += held[-1].height
            index += 1
        frame = pl.concat(held)
        if frame["@run"].n_unique() > 1:
            frame = frame.sort(_KEYS, maintain_order=True)
        ready = frame.height
        if index < len(blocks):
            ready = int(frame.select(_is_before(blocks[index].first).sum()).item())
        if ready:
            yield frame[:ready]
        held = [frame[ready:]] if ready < frame.height else []


def _is_before(key: _Key) -> pl.Expr:
    """Whether an event's sort key is below a block's first key, as in earlier blocks of the run."""
    is_before = pl.lit(value=True)
    for name, value in reversed(list(zip(_KEYS, map(pl.lit, key), strict=True))):
        is_before = (pl.col(name) < value) | ((pl.col(name) == value) & is_before)
    return is_before


def _most_overlapping(runs: list[list[_Block]]) -> int:
    """The largest number of runs that overlap at one time."""
    ends = [(run[0].first[0], 1) for run in runs]
    ends += [(run[-1].last_ms + 1, -1) for run in runs]
    return max(itertools.accumulate(step for _, step in sorted(ends)), default=0)
