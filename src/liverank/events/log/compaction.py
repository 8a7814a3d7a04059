"""Moving the tail into segments, and dropping what is too old.

Both end in one transaction; files are written before it and removed after it.
Invariant: at every moment each event is in the tail or in a segment, never in both, never in
neither.
"""

import sqlite3

import polars as pl

from liverank.events.log.database import Database, explained
from liverank.events.log.ids import dedup_ids, ids_of, write_segment
from liverank.events.log.lock import adding_segments, removing_if_idle, removing_segments
from liverank.events.log.reading import frame_of_tail, tail_rows
from liverank.events.log.segment import (
    register,
    remove_files,
    segments_of,
    withdrawn_if_refused,
)


def compact_tail(database: Database, *, min_rows: int, segment_rows: int) -> int:
    """See ``Log.compact``."""
    moved = 0
    with explained(database.path), adding_segments(database.segments):
        with database.reading() as connection:
            stretches = _stretches(connection, segment_rows)
        if sum(last - first + 1 for first, last in stretches) < min_rows:
            return 0
        for first, last in stretches:
            with database.reading() as connection:
                rows = tail_rows(connection, first, last)
            if len(rows) == last - first + 1:  # else another process was quicker
                moved += _move(database, frame_of_tail(rows))
    return moved


def _stretches(connection: sqlite3.Connection, segment_rows: int) -> list[tuple[int, int]]:
    """The tail as runs of seqs (first, last) that no segment interrupts."""
    seqs = connection.execute("SELECT min(seq), max(seq) FROM tail").fetchone()
    if seqs[0] is None:
        return []
    first, end = seqs
    runs = []
    for segment in segments_of(connection, after_seq=first):
        if segment.first_seq > first:
            runs.append((first, min(segment.first_seq - 1, end)))
        first = segment.last_seq + 1
    if first <= end:
        runs.append((first, end))
    return [
        (start, min(start + segment_rows - 1, last))
        for first, last in runs
        for start in range(first, last + 1, segment_rows)
    ]


def _move(database: Database, frame: pl.DataFrame) -> int:
    """Make a segment of some rows of the tail; returns how many moved."""
    first, last = frame["seq"][0], frame["seq"][-1]
    texts = dedup_ids(frame)
    ids = ids_of(texts.drop_nulls().to_list())
    rows = texts.is_not_null().arg_true().to_numpy()
    segment = write_segment(database.segments, frame, ids, rows).placed(first)
    with (
        withdrawn_if_refused(database.segments, [segment]),
        database.writing() as connection,
    ):
        # Only another process's compaction or expiry can have taken some of them meanwhile.
        held = connection.execute(
            "SELECT count(*) FROM tail WHERE seq BETWEEN ? AND ?", (first, last)
        ).fetchone()[0]
        if held == frame.height:
            connection.execute("DELETE FROM tail WHERE seq BETWEEN ? AND ?", (first, last))
            register(connection, segment)
            return frame.height
    remove_files(database.segments, [segment])
    return 0


def expire_rows(database: Database, before_ms: int) -> int:
    """See ``Log.expire``."""
    with explained(database.path), removing_segments(database.segments):
        with database.writing() as connection:
            old = [one for one in segments_of(connection) if one.newest_ms < before_ms]
            connection.executemany(
                "DELETE FROM segments WHERE name = ?", [(segment.name,) for segment in old]
            )
            if old:
                connection.execute("UPDATE state SET manifest = manifest + 1")
            tail = connection.execute(
                "DELETE FROM tail WHERE seq < coalesce("
                "(SELECT min(seq) FROM tail WHERE min(time, arrived) >= ?), 1 << 62)",
                (before_ms,),
            ).rowcount
        remove_files(database.segments, old)
    return tail + sum(segment.rows for segment in old)


def remove_orphans(database: Database) -> int:
    """Remove files that a killed import, compaction or expiry left; returns how many."""
    with explained(database.path), removing_if_idle(database.segments) as idle:
        if not idle:
            return 0
        with database.reading() as connection:
            known = {segment.name for segment in segments_of(connection)}
        orphans = [
            file
            for file in database.segments.iterdir()
            if file.suffix in (".parquet", ".ids", ".draft")
            and file.name.partition(".")[0] not in known
        ]
        for file in orphans:
            file.unlink(missing_ok=True)
    return len(orphans)
