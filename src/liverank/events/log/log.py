"""The event log: one directory, one total order, many processes.

The newest events are in a SQLite file (the tail), older and imported ones in Parquet segments;
together they form one sequence. Invariant: acknowledged events are on disk, each event has one seq,
seqs only grow, and each event id is accepted once.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import polars as pl

from liverank.errors import LogError
from liverank.events.event import Event, ServedRanking
from liverank.events.frame import SCHEMA
from liverank.events.log.append import Appender, AppendResult
from liverank.events.log.append_served import RankingAppendResult, ServedAppender
from liverank.events.log.bulk_import import Importer, ImportResult
from liverank.events.log.changes import events_of_kind
from liverank.events.log.compaction import compact_tail, expire_rows
from liverank.events.log.erase import EraseResult, erase_user
from liverank.events.log.reader import Reader
from liverank.events.log.recovery import clear_leftovers
from liverank.events.log.stats import Stats, stats_of
from liverank.events.log.storage.database import Database, explained
from liverank.events.log.storage.ids import SegmentIds
from liverank.events.log.storage.locks import opening
from liverank.events.log.storage.segments import corrupt
from liverank.events.log.storage.tail import TailEvent, TailSlice
from liverank.events.log.suppression import allow
from liverank.events.log.writable import try_writing


class Log:
    """An open log. Threads may share it; each process opens its own (do not carry it over a fork).

    >>> from tempfile import TemporaryDirectory
    >>> from liverank.events.event import User
    >>> with TemporaryDirectory() as directory, Log.open(Path(directory)) as log:
    ...     log.append(
    ...         [User(time=0, user="u1", id="a"), User(time=1, user="u1", id="a")], arrived_ms=5
    ...     )
    ...     [frame["seq"].to_list() for frame in log.read()]
    AppendResult(seqs=[1, None], duplicates=1, suppressed=())
    [[1]]
    """

    def __init__(
        self, directory: Path, *, segment_rows: int, busy_s: float, gather_s: float, syncs: bool
    ) -> None:
        """Use ``Log.open``."""
        file = directory / "log.sqlite"
        with explained(file):
            (directory / "segments").mkdir(parents=True, exist_ok=True)
            with opening(directory):
                self._database = Database(file, busy_s=busy_s, syncs=syncs)
        self._segment_rows = segment_rows
        known = SegmentIds(self._database.segments)
        self._appender = Appender(self._database, known, gather_s=gather_s)
        self._served = ServedAppender(self._database, known)
        self._importer = Importer(self._database, segment_rows=segment_rows)
        self._reader = Reader(self._database)

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        segment_rows: int = 1_000_000,
        busy_s: float = 30.0,
        gather_s: float = 0.0,
        syncs: bool = True,
    ) -> "Log":
        """Open the log in a directory, creating it when there is none.

        ``busy_s`` is how long to wait for other processes, ``gather_s`` the least time between two
        commits of ``append``: batches that arrive meanwhile wait and share the next one. Removes
        leftovers of killed processes, finishes an interrupted erasure, and checks that every
        segment exists in its full size. Without ``syncs``, appends do not wait for the disk: a
        killed process loses nothing, but a power failure loses the newest events. Raises LogError
        and its kinds.
        """
        if segment_rows < 1:
            raise LogError(f"`segment_rows` is {segment_rows}; expected 1 or more")
        log = cls(
            directory, segment_rows=segment_rows, busy_s=busy_s, gather_s=gather_s, syncs=syncs
        )
        try:
            clear_leftovers(log._database)
            log._reader.check(whole=False)
        except LogError:
            log.close()
            raise
        return log

    def append(
        self, events: Sequence[Event], *, arrived_ms: int, until_s: float | None = None
    ) -> AppendResult:
        """Append a batch; it is on disk when this returns. Repeats of an id are dropped.

        Events of an erased user from before the erasure are refused (``AppendResult.suppressed``);
        the user's name is removed from other events. The rest of the batch is kept as a whole, or
        LogFullError, LogBusyError or LogError is raised. Calls from several threads share commits.
        ``until_s`` is the latest ``time.monotonic`` to wait for others; without it, ``busy_s`` from
        now.
        """
        return self._appender.append(events, arrived_ms=arrived_ms, until_s=until_s)

    def append_served(
        self, rankings: Sequence[ServedRanking], *, arrived_ms: int
    ) -> RankingAppendResult:
        """Append rankings that our own server served, in an eighth of the space of ``append``.

        They are on disk when this returns; scores are rounded to float32. Repeats of an id and
        rankings of erased users are dropped, as ``append`` does. Raises EventError where one breaks
        a rule of ``Ranking``, and LogFullError, LogBusyError or LogError; then none is kept.
        """
        return self._served.append(rankings, arrived_ms=arrived_ms)

    def try_writing(self) -> None:
        """Test writing, without changing anything. Raises what an append would.

        That includes LogCorruptError where a segment is missing or has another size: an append
        looks up ids in it.
        """
        try_writing(self._database)
        self._reader.check(whole=False)

    def waits_s(self) -> float:
        """For how long appends have been waiting for another process; 0 where none waits.

        After an append was refused, the time keeps counting until one succeeds.
        """
        return self._database.waits_s

    def import_frame(self, frame: pl.DataFrame, *, arrived_ms: int) -> ImportResult:
        """Import a frame of SCHEMA in its order, as segments, completely or not at all.

        Its ``seq`` and ``arrived`` are assigned here; of repeated ids the first one is kept.
        Events of erased users are refused, whatever their time (``ImportResult.suppressed``).
        Raises EventError for a row that is no valid event, LogError and its kinds.
        """
        return self._importer.import_frame(frame, arrived_ms=arrived_ms)

    def import_frames(
        self, frames: Iterable[pl.DataFrame], *, arrived_ms: int, allowed: Sequence[str] = ()
    ) -> ImportResult:
        """Import any number of frames of SCHEMA in import order, as a whole or not at all.

        They are sorted on disk (``frame.IMPORT_ORDER``), next to the segments, so memory does not
        grow with their number. Of repeated ids the first in that order is kept. A frame may have
        the column ``content_ids.OF_FILE``: equal ids of such a file are numbered. An error raised
        by ``frames`` is passed on, and nothing is imported; erasures wait until the end. Events of
        erased users in ``allowed`` are accepted all the same. Raises as ``import_frame`` does.
        """
        return self._importer.import_frames(frames, arrived_ms=arrived_ms, allowed=allowed)

    def read(
        self,
        from_seq: int = 1,
        *,
        to_seq: int | None = None,
        batch_rows: int = 262_144,
        columns: Sequence[str] = tuple(SCHEMA),
    ) -> Iterator[pl.DataFrame]:
        """Frames of SCHEMA with the events from ``from_seq`` to ``to_seq`` in seq order.

        Without ``to_seq`` it ends at the event that was the last one at the start. Frames have
        ``batch_rows`` rows at most, and these ``columns``, which include ``seq``. A segment's
        digest is checked when this process first reads it: LogCorruptError names the file.
        """
        if batch_rows < 1:
            raise LogError(f"`batch_rows` is {batch_rows}; expected 1 or more")
        if "seq" not in columns or not set(columns) <= set(SCHEMA):
            known = ", ".join(SCHEMA)
            raise LogError(f"`columns` are {', '.join(columns)}; expected seq and some of {known}")
        last = self.last_seq()
        end = last if to_seq is None else min(to_seq, last)
        seq = max(from_seq, 1)
        while seq <= end:
            frame, seq = self._reader.read_some(seq, end, rows=batch_rows, columns=columns)
            if frame.height:
                yield frame

    def read_tail(self, from_seq: int, *, rows: int, rankings: bool = True) -> TailSlice | None:
        """The next events from ``from_seq``, at most ``rows``, where they are in the tail.

        For processes that follow the log: no columns are built. None where the next events are in
        a segment, which ``read`` returns; no events where there is nothing new. Without
        ``rankings``, rankings are skipped, not decoded. Raises LogError and its kinds.
        """
        if rows < 1:
            raise LogError(f"`rows` is {rows}; expected 1 or more")
        return self._reader.read_tail(max(from_seq, 1), rows=rows, rankings=rankings)

    def experiment_changes(self) -> list[TailEvent]:
        """All experiment events, in seq order. Raises LogError and its kinds."""
        return events_of_kind(self._database, "experiment")

    def autopilot_steps(self) -> list[TailEvent]:
        """All events of autopilot, in seq order. Raises LogError and its kinds."""
        return events_of_kind(self._database, "autopilot")

    def last_seq(self) -> int:
        """The seq of the newest event ever logged; 0 before the first."""
        return self._database.last_seq()

    def generation(self) -> int:
        """The generation of the log: starts at 1, and grows with each expiry or erasure.

        State folded from an earlier generation includes events that the log no longer holds.
        """
        with self._database.reading() as connection:
            found: int = connection.execute("SELECT generation FROM state").fetchone()[0]
        return found

    def identity(self) -> str:
        """A random name, created with the log; copies of the log share it."""
        with self._database.reading() as connection:
            found: str = connection.execute("SELECT identity FROM state").fetchone()[0]
        return found

    def stats(self) -> Stats:
        """How big the log is."""
        return stats_of(self._database)

    def compact(self, *, min_rows: int = 1) -> int:
        """Move the tail into segments when it holds ``min_rows`` or more; returns rows moved.

        Returns the tail's disk space, in this call or the next one.
        """
        clear_leftovers(self._database)
        moved = compact_tail(self._database, min_rows=min_rows, segment_rows=self._segment_rows)
        self._database.shrink()
        return moved

    def expire(self, before_ms: int) -> int:
        """Drop events older than ``before_ms``; returns rows dropped.

        A segment is dropped when its newest event is older; of the tail, the events that arrived
        before the first newer one. Seqs are not reused; ids of dropped events are forgotten.
        """
        rows = expire_rows(self._database, before_ms)
        self._database.shrink()
        return rows

    def erase(self, user: str, *, at_ms: int) -> EraseResult:
        """Erase a user: their events, and their name in the fields of others.

        ``at_ms`` is the time of the erasure in Unix ms: from now on, the user's events up to it are
        refused, and so are their events in files (see ``allow_erased``). When this returns, no file
        of the log holds a byte of the erased data. Imports and compactions wait meanwhile. If the
        process is killed, the next open undoes or finishes the erasure. For an unknown user, later
        imports are refused too. Raises EventError for an invalid id, LogError and its kinds.
        """
        return erase_user(self._database, user, at_ms=at_ms)

    def allow_erased(self, user: str) -> bool:
        """Accept events of an erased user again, permanently; returns whether they were erased.

        Raises LogError and its kinds.
        """
        with self._database.writing() as connection:
            return allow(connection, user)

    def verify(self) -> int:
        """Check every segment's content and the SQLite file; returns the segments checked.

        Raises LogCorruptError, which names the file.
        """
        with self._database.reading() as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise corrupt(self._database.path, str(answer))
        return self._reader.check(whole=True)

    def close(self) -> None:
        """Close the log; calling it twice is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
