"""Cuts a stream of events into segments, and drops repeats within a part of it.

Invariant: the list of segments names every file that was written, even after an error.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.events.log.storage.ids import Ids, dedup_ids, ids_of, write_segment
from liverank.events.log.storage.segments import Segment


class Fresh(NamedTuple):
    """Rows to import, their ids, and ``rows[i]``: the row number of ``ids[i]``."""

    frame: pl.DataFrame
    ids: Ids
    rows: npt.NDArray[np.int64]

    def without(self, dropped: npt.NDArray[np.bool_]) -> "Fresh":
        """Drop the rows whose id is marked."""
        if not dropped.any():
            return self
        keep = np.ones(self.frame.height, bool)
        keep[self.rows[dropped]] = False
        new_rows = np.cumsum(keep) - 1
        return Fresh(
            self.frame.filter(pl.Series(keep)),
            self.ids.without(dropped),
            new_rows[self.rows[~dropped]],
        )


def distinct(frame: pl.DataFrame) -> Fresh:
    """Keep the first of each id within the frame."""
    texts = dedup_ids(frame)
    if texts.null_count() < len(texts):
        first = texts.is_first_distinct() | texts.is_null()
        if not first.all():
            frame, texts = frame.filter(first), texts.filter(first)
    rows = texts.is_not_null().arg_true().to_numpy().astype(np.int64)
    return Fresh(frame, ids_of(texts.drop_nulls().to_list()), rows)


class SegmentWriter:
    """Writes segments of ``segment_rows`` rows, not yet in the manifest. Raises OSError."""

    def __init__(self, directory: Path, segments: list[Segment], *, segment_rows: int) -> None:
        self._directory = directory
        self._segments = segments
        self._segment_rows = segment_rows
        self._frames: list[pl.DataFrame] = []
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._rows: list[npt.NDArray[np.int64]] = []
        self._height = 0

    def add(self, fresh: Fresh) -> None:
        """Add the next events, and write each full segment."""
        self._frames.append(fresh.frame)
        self._hashes.append(fresh.ids.hashes)
        self._rows.append(fresh.rows + self._height)
        self._height += fresh.frame.height
        while self._height >= self._segment_rows:
            self._write(self._segment_rows)

    def finish(self) -> None:
        """Write the remaining events."""
        if self._height:
            self._write(self._height)

    def _write(self, count: int) -> None:
        frame = pl.concat(self._frames)
        hashes, rows = np.concatenate(self._hashes), np.concatenate(self._rows)
        end = np.searchsorted(rows, count)
        self._segments.append(
            write_segment(self._directory, frame[:count], hashes[:end], rows[:end])
        )
        self._frames, self._height = [frame[count:]], self._height - count
        self._hashes, self._rows = [hashes[end:]], [rows[end:] - count]
