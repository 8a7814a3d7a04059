"""Moving the tail into segments, and dropping what is too old.

Both end in one transaction; files are written before it and removed after it.
Invariant: at every moment each event is in the tail or in a segment, never in both, never in
neither.
"""

import sqlite3

import polars as pl

from liverank.events.log.database import Database, begin_generation, explained
from liverank.events.log.ids import write_with_ids
from liverank.events.log.lock import adding_segments, removing_segments
from liverank.events.log.segment import (
    register,
    remove_files,
    segments_of,
    unregister,
    withdrawn_if_refused,
)
from liverank.events.log.tail import frame_of_tail, tail_events


def compact_tail(database: Database, *, min_rows: int, segment_rows: int) -> int:
    """See ``Log.compact``."""
    moved = 0
    with explained(database.path), adding_segments(database.segments):
        with database.reading() as connection:
            if connection.execute("SELECT count(*) FROM tail").fetchone()[0] < min_rows:
                return 0
            stretches = _stretches(connection, segment_rows)
        for first, last in stretches:
            with database.reading() as connection:
                events = tail_events(connection, first, last)
            if events:  # else another process was quicker, or all were erased
                moved += _move(database, frame_of_tail(events))
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
    segment = write_with_ids(database.segments, frame)
    with (
        withdrawn_if_refused(database.segments, [segment]),
        database.writing() as connection,
    ):
        # Only another process's compaction or expiry can have taken some of them meanwhile.
        held, others = connection.execute(
            "SELECT (SELECT count(*) FROM tail WHERE seq BETWEEN :first AND :last),"
            " EXISTS (SELECT 1 FROM segments WHERE first_seq <= :last AND last_seq >= :first)",
            {"first": first, "last": last},
        ).fetchone()
        if held == frame.height and not others:
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
            unregister(connection, old)
            tail = connection.execute(
                "DELETE FROM tail WHERE seq < coalesce("
                "(SELECT min(seq) FROM tail WHERE min(time, arrived) >= ?), 1 << 62)",
                (before_ms,),
            ).rowcount
            if tail or old:
                begin_generation(connection)
        remove_files(database.segments, old)
    return tail + sum(segment.rows for segment in old)
