"""Importing many events at once, straight into segments.

The files are written first, outside any transaction; then one transaction gives them their place
in the order and registers them. A kill at any point leaves all of the import, or orphan files
that the next open removes.
Invariant: no reader ever sees part of an import, or a seq below one it has already read.
"""

import sqlite3
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.errors import EventError, LogError
from liverank.events.event import KINDS, MAX_TIME_MS
from liverank.events.frame import SCHEMA
from liverank.events.log.database import Database, explained, last_seq_of
from liverank.events.log.ids import Ids, SegmentIds, dedup_ids, ids_of, in_tail, write_segment
from liverank.events.log.lock import adding_segments
from liverank.events.log.segment import Segment, register, remove_files, withdrawn_if_refused
from liverank.events.log.suppression import without_suppressed


class Imported(NamedTuple):
    """What became of an import; both seqs are None when nothing was new."""

    accepted: int
    duplicates: int
    first_seq: int | None
    last_seq: int | None
    suppressed: int = 0
    """Events refused because they are an erased user's."""


class _Fresh(NamedTuple):
    """Rows to import, the ids among them, and ``rows[i]``: where ``ids[i]`` stands."""

    frame: pl.DataFrame
    ids: Ids
    rows: npt.NDArray[np.int64]

    def without(self, dropped: npt.NDArray[np.bool_]) -> "_Fresh":
        """Drop the rows whose id is marked."""
        if not dropped.any():
            return self
        keep = np.ones(self.frame.height, bool)
        keep[self.rows[dropped]] = False
        places = np.cumsum(keep) - 1
        return _Fresh(
            self.frame.filter(pl.Series(keep)),
            self.ids.without(dropped),
            places[self.rows[~dropped]],
        )


class Importer:
    """The bulk side of a log. Thread-safe: imports of one process follow each other."""

    def __init__(self, database: Database, *, segment_rows: int) -> None:
        self._database = database
        self._segment_rows = segment_rows
        self._known = SegmentIds(database.segments)
        self._importing = threading.Lock()

    def import_frame(self, frame: pl.DataFrame, *, arrived_ms: int) -> Imported:
        """See ``Log.import_frame``."""
        _check(frame)
        with (
            self._importing,
            explained(self._database.path),
            adding_segments(self._database.segments),
        ):
            frame, suppressed = without_suppressed(self._database, frame)
            fresh = _distinct(
                frame.with_columns(seq=pl.lit(None, pl.Int64), arrived=pl.lit(arrived_ms, pl.Int64))
            )
            accepted, last_seq = self._place(fresh)
        duplicates = frame.height - accepted
        if not accepted:
            return Imported(0, duplicates, None, None, suppressed)
        return Imported(accepted, duplicates, last_seq - accepted + 1, last_seq, suppressed)

    def _place(self, fresh: _Fresh) -> tuple[int, int]:
        """Write and register what is new of it; returns how many rows, and the last one's seq."""
        directory = self._database.segments
        looked_to = 0
        while True:
            # Look for repeats and write the files without holding up anybody's appends ...
            with self._database.reading() as connection:
                seen_to = last_seq_of(connection)
                repeats = self._repeats(connection, fresh.ids, looked_to)
            fresh, looked_to = fresh.without(repeats), seen_to
            segments: list[Segment] = []
            with withdrawn_if_refused(directory, segments):
                for segment in self._write(fresh):
                    segments.append(segment)  # noqa: PERF402 (kept even if a later one fails)
                # ... then look once more at what came meanwhile, now that nothing more can.
                with self._database.writing() as connection:
                    repeats = self._repeats(connection, fresh.ids, looked_to)
                    if not repeats.any():
                        return fresh.frame.height, _register(connection, segments)
            remove_files(directory, segments)

    def _repeats(
        self, connection: sqlite3.Connection, ids: Ids, after_seq: int
    ) -> npt.NDArray[np.bool_]:
        """Which of the ids the log holds beyond ``after_seq``."""
        self._known.refresh(connection)
        return in_tail(connection, ids, after_seq=after_seq) | self._known.find(
            ids, after_seq=after_seq
        )

    def _write(self, fresh: _Fresh) -> Iterator[Segment]:
        for start in range(0, fresh.frame.height, self._segment_rows):
            end = start + self._segment_rows
            a, b = np.searchsorted(fresh.rows, [start, end])
            yield write_segment(
                self._database.segments,
                fresh.frame[start:end],
                Ids(fresh.ids.texts[a:b], fresh.ids.hashes[a:b]),
                fresh.rows[a:b] - start,
            )


def _check(frame: pl.DataFrame) -> None:
    if dict(frame.schema) != SCHEMA:
        odd = [
            f"`{name}` is {frame.schema.get(name, 'missing')}, expected {SCHEMA.get(name, 'none')}"
            for name in [*SCHEMA, *(set(frame.columns) - set(SCHEMA))]
            if frame.schema.get(name) != SCHEMA.get(name)
        ]
        raise LogError(
            "A frame to import has the columns of liverank.events.frame.SCHEMA in that order: "
            + ("; ".join(odd) or f"got the order {', '.join(frame.columns)}")
        )
    odd_rows = frame.select(
        pl.arg_where(
            ~(
                pl.col("event").is_in(list(KINDS)) & pl.col("time").is_between(0, MAX_TIME_MS)
            ).fill_null(value=False)
        )
    ).to_series()
    if len(odd_rows):
        place = odd_rows[0]
        event, time = frame.select("event", "time").row(place)
        raise EventError(
            f"Row {place} of the frame to import has event {event!r} at time {time!r}; expected "
            f"one of {', '.join(KINDS)} at Unix milliseconds from 0 to {MAX_TIME_MS}"
        )


def _distinct(frame: pl.DataFrame) -> _Fresh:
    """Keep the first of each id within the frame."""
    texts = dedup_ids(frame)
    if texts.null_count() < len(texts):
        first = texts.is_first_distinct() | texts.is_null()
        if not first.all():
            frame, texts = frame.filter(first), texts.filter(first)
    rows = texts.is_not_null().arg_true().to_numpy().astype(np.int64)
    return _Fresh(frame, ids_of(texts.drop_nulls().to_list()), rows)


def _register(connection: sqlite3.Connection, segments: list[Segment]) -> int:
    """Give the segments their place at the end of the order; returns the last seq."""
    last_seq = last_seq_of(connection)
    for segment in segments:
        register(connection, segment.placed(last_seq + 1))
        last_seq += segment.rows
    connection.execute("UPDATE state SET last_seq = ?", (last_seq,))
    return last_seq
