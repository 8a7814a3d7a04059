"""The event log: one directory, one total order, many processes.

Newest events lie in a SQLite file (the tail), older and imported ones in Parquet segments; both
are one sequence. Invariant: what was acknowledged is on disk, each event has one seq, seqs only
grow, and an event id is taken in once.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl

from liverank.errors import LogError
from liverank.events.event import Event
from liverank.events.log.append import Appended, Appender
from liverank.events.log.bulk import Imported, import_rows
from liverank.events.log.compaction import (
    compact_tail,
    expire_rows,
    remove_orphans,
    tail_rows,
)
from liverank.events.log.database import connect, explained, reading
from liverank.events.log.ids import SegmentIds
from liverank.events.log.lock import opening
from liverank.events.log.segment import (
    Segment,
    check_segment,
    corrupt,
    next_segment,
    read_rows,
    segment_file,
    segments_of,
)


class Stats(NamedTuple):
    """How big a log is. Times are None when it holds no events."""

    rows: int
    tail_rows: int
    segments: int
    bytes: int
    last_seq: int
    oldest_ms: int | None
    newest_ms: int | None


class Log:
    """An open log. Threads may share it; each process opens its own (do not carry it over a fork).

    >>> from tempfile import TemporaryDirectory
    >>> from liverank.events.event import User
    >>> with TemporaryDirectory() as directory, Log.open(Path(directory)) as log:
    ...     log.append(
    ...         [User(time=0, user="u1", id="a"), User(time=1, user="u1", id="a")], arrived_ms=5
    ...     )
    ...     [frame["seq"].to_list() for frame in log.read()]
    Appended(seqs=[1, None], duplicates=1)
    [[1]]
    """

    def __init__(self, directory: Path, *, segment_rows: int, busy_s: float) -> None:
        """Use ``Log.open``."""
        self._segments = directory / "segments"
        self._path = directory / "log.sqlite"
        self._segment_rows = segment_rows
        with explained(directory):
            self._segments.mkdir(parents=True, exist_ok=True)
            with opening(directory):
                self._writer = connect(self._path, busy_s=busy_s)
                self._reader = connect(self._path, busy_s=busy_s)
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._known = SegmentIds(self._segments)
        self._checked: set[str] = set()
        self._appender = Appender(self._writer, self._path, self._writing, self._known)

    @classmethod
    def open(cls, directory: Path, *, segment_rows: int = 1_000_000, busy_s: float = 30.0) -> "Log":
        """Open the log in a directory, making it when there is none.

        ``busy_s`` is how long to wait for other processes. Removes what killed processes left and
        checks that every segment is there in its full size. Raises LogError and its kinds.
        """
        if segment_rows < 1:
            raise LogError(f"`segment_rows` is {segment_rows}; expected 1 or more")
        log = cls(directory, segment_rows=segment_rows, busy_s=busy_s)
        try:
            remove_orphans(log._reader, log._path)
            log._check(whole=False)
        except LogError:
            log.close()
            raise
        return log

    def append(self, events: Sequence[Event], *, arrived_ms: int) -> Appended:
        """Take in a batch; it is on disk when this returns. Repeats of an id are dropped.

        All of the batch is kept, or none: LogFullError, LogBusyError or LogError say so. Calls
        from several threads share commits.
        """
        return self._appender.append(events, arrived_ms=arrived_ms)

    def import_frame(self, frame: pl.DataFrame, *, arrived_ms: int) -> Imported:
        """Take in a frame of SCHEMA in its order, straight into segments, as a whole or not at all.

        Its ``seq`` and ``arrived`` are given here; repeats of an id are dropped, the first one is
        kept. Raises EventError for a row that is no event, LogError and its kinds.
        """
        return import_rows(
            frame,
            arrived_ms=arrived_ms,
            connection=self._writer,
            path=self._path,
            lock=self._writing,
            known=self._known,
            segment_rows=self._segment_rows,
        )

    def read(
        self, from_seq: int = 1, *, to_seq: int | None = None, batch_rows: int = 262_144
    ) -> Iterator[pl.DataFrame]:
        """Frames of SCHEMA with the events from ``from_seq`` to ``to_seq`` in seq order.

        Without ``to_seq`` it ends at what was the last event when it began. Frames hold at most
        ``batch_rows`` rows. Each segment is checked against its digest when this process first
        reads it: LogCorruptError names the file.
        """
        if batch_rows < 1:
            raise LogError(f"`batch_rows` is {batch_rows}; expected 1 or more")
        last = self.last_seq()
        end = last if to_seq is None else min(to_seq, last)
        seq = max(from_seq, 1)
        while seq <= end:
            frame, seq = self._read_some(seq, min(end, seq + batch_rows - 1))
            if frame.height:
                yield frame

    def last_seq(self) -> int:
        """The seq of the newest event ever taken in; 0 before the first."""
        with self._reading, explained(self._path):
            last: int = self._reader.execute("SELECT last_seq FROM state").fetchone()[0]
        return last

    def stats(self) -> Stats:
        """How big the log is."""
        with self._reading, reading(self._reader, self._path) as connection:
            segments = segments_of(connection)
            tail, oldest, newest = connection.execute(
                "SELECT count(*), min(time), max(min(time, arrived)) FROM tail"
            ).fetchone()
            last_seq = connection.execute("SELECT last_seq FROM state").fetchone()[0]
        ages = [(one.oldest_ms, one.newest_ms) for one in segments]
        if tail:
            ages.append((oldest, newest))
        with explained(self._path):
            size = self._path.stat().st_size
        return Stats(
            rows=tail + sum(one.rows for one in segments),
            tail_rows=tail,
            segments=len(segments),
            bytes=size + sum(one.bytes + 12 * one.ids for one in segments),
            last_seq=last_seq,
            oldest_ms=min((oldest for oldest, _ in ages), default=None),
            newest_ms=max((newest for _, newest in ages), default=None),
        )

    def compact(self, *, min_rows: int = 1) -> int:
        """Move the tail into segments when it holds ``min_rows`` or more; returns rows moved."""
        return compact_tail(
            min_rows=min_rows,
            connection=self._writer,
            path=self._path,
            lock=self._writing,
            segment_rows=self._segment_rows,
        )

    def expire(self, before_ms: int) -> int:
        """Drop what is older than ``before_ms``; returns rows dropped.

        A segment goes when its newest event is older; of the tail goes what arrived before the
        first event that is not. Seqs are not used again; the ids of dropped events are forgotten.
        """
        return expire_rows(before_ms, connection=self._writer, path=self._path, lock=self._writing)

    def verify(self) -> int:
        """Check every segment's content and the SQLite file; returns the segments checked.

        Raises LogCorruptError, which names the file.
        """
        with self._reading, explained(self._path):
            answer = self._reader.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise corrupt(self._path, str(answer))
        return self._check(whole=True)

    def close(self) -> None:
        """Close the log; calling it twice is harmless."""
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_some(self, seq: int, end: int) -> tuple[pl.DataFrame, int]:
        """The events from ``seq`` on that lie together, and the seq to go on from."""
        with self._reading, reading(self._reader, self._path) as connection:
            segment = next_segment(connection, seq)
            if segment is None or segment.first_seq > seq:
                if segment is not None:
                    end = min(end, segment.first_seq - 1)
                return tail_rows(connection, seq, end), end + 1
        end = min(end, segment.last_seq)
        try:
            self._check_once(segment)
            return read_rows(self._segments, segment, seq, end - seq + 1), end + 1
        except FileNotFoundError:
            if self._is_registered(segment):
                raise corrupt(segment_file(self._segments, segment), "it is missing") from None
            return pl.DataFrame(), segment.last_seq + 1  # expired a moment ago

    def _check_once(self, segment: Segment) -> None:
        if segment.name not in self._checked:
            check_segment(self._segments, segment, whole=True)
            self._checked.add(segment.name)

    def _check(self, *, whole: bool) -> int:
        with self._reading, explained(self._path):
            segments = segments_of(self._reader)
        for segment in segments:
            try:
                check_segment(self._segments, segment, whole=whole)
            except FileNotFoundError:
                if self._is_registered(segment):
                    raise corrupt(segment_file(self._segments, segment), "it is missing") from None
        return len(segments)

    def _is_registered(self, segment: Segment) -> bool:
        with self._reading, explained(self._path):
            found = next_segment(self._reader, segment.last_seq)
        return found is not None and found.name == segment.name
