"""Importing many events at once, straight into segments, in memory that does not grow with them.

Pieces are sorted and spilled to disk, merged by time into segments, and freed of repeats; then one
transaction gives the segments their seqs and registers them. A kill at any point
leaves all of the import, or orphan files that the next open removes.
Invariant: no reader ever sees part of an import, or a seq below one it has already read.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.errors import EventError, LogError
from liverank.events.content_ids import OF_FILE, Numbering
from liverank.events.event import KINDS, MAX_TIME_MS
from liverank.events.frame import SCHEMA
from liverank.events.log.storage.database import Database, explained, last_seq_of
from liverank.events.log.storage.ids import Ids, SegmentIds
from liverank.events.log.storage.locks import adding_segments
from liverank.events.log.storage.repeats import (
    Repeats,
    drop_rows,
    ids_after,
    repeats_among,
    repeats_of,
)
from liverank.events.log.storage.segment_writer import SegmentWriter, distinct
from liverank.events.log.storage.segments import (
    Segment,
    register,
    removed_if_stopped,
    withdrawn_if_refused,
)
from liverank.events.log.storage.spill import COLUMNS, Spill
from liverank.events.log.storage.tail import in_tail
from liverank.events.log.suppression import without_suppressed

RUN_ROWS = 524_288
"""Events that are sorted in memory at once, unless they are fat."""

_RUN_BYTES = 128 << 20
_SLICE_ROWS = 262_144


class ImportResult(NamedTuple):
    """What became of an import; both seqs are None when nothing was new."""

    accepted: int
    duplicates: int
    first_seq: int | None
    last_seq: int | None
    suppressed: int = 0
    """Events refused because they are an erased user's."""


class Importer:
    """The bulk side of a log. Thread-safe: imports of one process follow each other."""

    def __init__(self, database: Database, *, segment_rows: int) -> None:
        self._database = database
        self._segment_rows = segment_rows
        self._known = SegmentIds(database.segments)
        self._importing = threading.Lock()

    def import_frame(self, frame: pl.DataFrame, *, arrived_ms: int) -> ImportResult:
        """See ``Log.import_frame``."""
        with self._importing, self._adding():
            admission = _Admission(self._database)
            pieces = admission.admit(frame).iter_slices(_SLICE_ROWS)
            return self._append(pieces, arrived_ms)._replace(suppressed=admission.suppressed)

    def import_frames(
        self, frames: Iterable[pl.DataFrame], *, arrived_ms: int, allowed: Collection[str] = ()
    ) -> ImportResult:
        """See ``Log.import_frames``."""
        with self._importing, self._adding():
            with explained(self._database.path):
                spill = Spill(self._database.segments)
            with closing(spill):
                admission = _Admission(self._database, allowed)
                self._spill_all(map(admission.admit, frames), spill)
                imported = self._append(spill.merged(), arrived_ms)
                return imported._replace(suppressed=admission.suppressed)

    @contextmanager
    def _adding(self) -> Iterator[None]:
        with ExitStack() as stack:
            with explained(self._database.path):
                stack.enter_context(adding_segments(self._database.segments))
            yield

    def _spill_all(self, frames: Iterable[pl.DataFrame], spill: Spill) -> None:
        """Sort and spill each run while the pieces of the next one are made."""
        spilling: Future[None] | None = None

        def wait() -> None:
            if spilling is not None:
                with explained(self._database.path):
                    spilling.result()

        with ThreadPoolExecutor(1, "spill") as pool:
            for run in _runs(frames):
                wait()
                spilling = pool.submit(spill.add, run)
            wait()

    def _append(self, ordered: Iterable[pl.DataFrame], arrived_ms: int) -> ImportResult:
        """Write and register what is new of events that are in order."""
        directory = self._database.segments
        segments: list[Segment] = []
        looked_to = self._database.last_seq()
        given = 0
        with explained(self._database.path), removed_if_stopped(directory, segments):
            numbering = Numbering()
            writer = SegmentWriter(directory, segments, segment_rows=self._segment_rows)
            for part in ordered:
                given += part.height
                frame = numbering.number(part).with_columns(
                    seq=pl.lit(None, pl.Int64), arrived=pl.lit(arrived_ms, pl.Int64)
                )
                fresh = distinct(frame.select(*SCHEMA))
                writer.add(fresh.without(self._are_known(fresh.ids)))
            writer.finish()
            drop_rows(directory, segments, repeats_among(directory, segments))
        with explained(self._database.path), withdrawn_if_refused(directory, segments):
            last_seq = self._register(segments, looked_to)
        accepted = sum(segment.rows for segment in segments)
        if not accepted:
            return ImportResult(0, given, None, None)
        return ImportResult(accepted, given - accepted, last_seq - accepted + 1, last_seq)

    def _are_known(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of the ids the log holds."""
        with self._database.reading() as connection:
            self._known.refresh(connection)
            return in_tail(connection, ids) | self._known.find(ids)

    def _register(self, segments: list[Segment], looked_to: int) -> int:
        """Put the segments at the end of the order, without ids that came after ``looked_to``.

        Returns the last seq.
        """
        directory = self._database.segments
        while True:
            # Look at what came meanwhile without holding up anybody's appends ...
            with self._database.reading() as connection:
                seen_to = last_seq_of(connection)
                repeats = self._repeats_after(connection, segments, looked_to)
            drop_rows(directory, segments, repeats)
            looked_to = seen_to
            # ... then once more, now that nothing more can.
            with self._database.writing() as connection:
                if not self._repeats_after(connection, segments, looked_to):
                    return _register(connection, segments)

    def _repeats_after(
        self, connection: sqlite3.Connection, segments: list[Segment], seq: int
    ) -> Repeats:
        """Rows of new segments whose id came into the log after ``seq``."""
        repeats: Repeats = {}
        for ids in ids_after(connection, self._database.segments, seq):
            for name, rows in repeats_of(self._database.segments, segments, ids).items():
                repeats[name] = repeats.get(name, False) | rows
        return repeats


class _Admission:
    """The door of an import: each piece passes here before any of it is spilled."""

    def __init__(self, database: Database, allowed: Collection[str] = ()) -> None:
        self.suppressed = 0
        """Events refused so far because they are an erased user's."""
        self._database, self._allowed = database, allowed

    def admit(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The events that may come in, with the columns of a spill.

        Raises LogError for other columns, EventError for a row that is no event.
        """
        _check(frame)
        if OF_FILE not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Int32).alias(OF_FILE))
        kept, refused = without_suppressed(
            self._database, frame.select(*COLUMNS), but=self._allowed
        )
        self.suppressed += refused
        return kept


def _runs(pieces: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Pieces put together, as many as are sorted at once."""
    held: list[pl.DataFrame] = []
    rows = size = 0
    for piece in pieces:
        held.append(piece)
        rows += piece.height
        size += int(piece.estimated_size())
        if rows >= RUN_ROWS or size >= _RUN_BYTES:
            yield pl.concat(held)
            held, rows, size = [], 0, 0
    if rows:
        yield pl.concat(held)


def _check(frame: pl.DataFrame) -> None:
    if dict(frame.drop(OF_FILE, strict=False).schema) != SCHEMA:
        odd = [
            f"`{name}` is {frame.schema.get(name, 'missing')}, expected {SCHEMA.get(name, 'none')}"
            for name in [*SCHEMA, *(set(frame.columns) - {*SCHEMA, OF_FILE})]
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
        row = odd_rows[0]
        event, time = frame.select("event", "time").row(row)
        raise EventError(
            f"Row {row} of the frame to import has event {event!r} at time {time!r}; expected "
            f"one of {', '.join(KINDS)} at Unix milliseconds from 0 to {MAX_TIME_MS}"
        )


def _register(connection: sqlite3.Connection, segments: list[Segment]) -> int:
    """Give the segments the next seqs; returns the last one."""
    last_seq = last_seq_of(connection)
    for segment in segments:
        register(connection, segment.placed(last_seq + 1))
        last_seq += segment.rows
    connection.execute("UPDATE state SET last_seq = ?", (last_seq,))
    return last_seq
