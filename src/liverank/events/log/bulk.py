"""Importing many events at once, straight into segments.

The files are written first, outside any transaction; then one transaction gives them their place
in the order and registers them. A kill at any point leaves all of the import, or orphan files
that the next open removes.
Invariant: no reader ever sees part of an import, or a seq below one it has already read.
"""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.errors import EventError, LogError
from liverank.events.event import EVENT_NAMES, MAX_TIME_MS
from liverank.events.frame import SCHEMA
from liverank.events.log.database import explained, writing
from liverank.events.log.ids import Ids, SegmentIds, dedup_ids, ids_of, in_tail, write_ids
from liverank.events.log.lock import adding_segments
from liverank.events.log.segment import Segment, register, remove_files, write_rows


class Imported(NamedTuple):
    """What became of an import; both seqs are None when nothing was new."""

    accepted: int
    duplicates: int
    first_seq: int | None
    last_seq: int | None


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


def import_rows(
    frame: pl.DataFrame,
    *,
    arrived_ms: int,
    connection: sqlite3.Connection,
    path: Path,
    lock: AbstractContextManager[object],
    known: SegmentIds,
    segment_rows: int,
) -> Imported:
    """See ``Log.import_frame``; ``lock`` guards the connection and ``known``."""
    _check(frame)
    directory = path.parent / "segments"
    fresh = _distinct(frame.with_columns(arrived=pl.lit(arrived_ms, pl.Int64)))
    looked_to = first_seq = 0
    with explained(path), adding_segments(directory):
        while True:
            # Look for repeats and write the files without holding up anybody's appends ...
            with lock:
                known.refresh(connection)
                seen_to = _last_seq(connection)
                fresh = fresh.without(_repeats(connection, known, fresh.ids, looked_to))
            looked_to = seen_to
            segments = _write(directory, fresh, segment_rows)
            # ... then look once more at what came meanwhile, now that nothing more can.
            with lock, writing(connection, path):
                known.refresh(connection)
                late = _repeats(connection, known, fresh.ids, looked_to)
                if not late.any():
                    first_seq = _last_seq(connection) + 1
                    _register(connection, segments, first_seq)
                    break
            remove_files(directory, [segment.name for segment in segments])
            fresh = fresh.without(late)
    accepted = fresh.frame.height
    duplicates = frame.height - accepted
    if not accepted:
        return Imported(0, duplicates, None, None)
    return Imported(accepted, duplicates, first_seq, first_seq + accepted - 1)


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
                pl.col("event").is_in(EVENT_NAMES) & pl.col("time").is_between(0, MAX_TIME_MS)
            ).fill_null(value=False)
        )
    ).to_series()
    if len(odd_rows):
        place = odd_rows[0]
        event, time = frame.select("event", "time").row(place)
        raise EventError(
            f"Row {place} of the frame to import has event {event!r} at time {time!r}; expected "
            f"one of {', '.join(EVENT_NAMES)} at Unix milliseconds from 0 to {MAX_TIME_MS}"
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


def _repeats(
    connection: sqlite3.Connection, known: SegmentIds, ids: Ids, after_seq: int
) -> npt.NDArray[np.bool_]:
    return in_tail(connection, ids, after_seq=after_seq) | known.find(ids, after_seq=after_seq)


def _write(directory: Path, fresh: _Fresh, segment_rows: int) -> list[Segment]:
    segments = []
    for start in range(0, fresh.frame.height, segment_rows):
        segment = write_rows(directory, fresh.frame.slice(start, segment_rows))
        a, b = np.searchsorted(fresh.rows, [start, start + segment_rows])
        if b > a:
            ids = Ids(fresh.ids.texts[a:b], fresh.ids.hashes[a:b])
            segment = write_ids(directory, segment, ids, fresh.rows[a:b] - start)
        segments.append(segment)
    return segments


def _register(connection: sqlite3.Connection, segments: list[Segment], first_seq: int) -> None:
    for segment in segments:
        register(connection, segment.placed(first_seq))
        first_seq += segment.rows
    connection.execute("UPDATE state SET last_seq = ?", (first_seq - 1,))


def _last_seq(connection: sqlite3.Connection) -> int:
    last: int = connection.execute("SELECT last_seq FROM state").fetchone()[0]
    return last
