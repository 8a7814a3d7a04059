"""Moves the tail into segments, and drops events that are too old.

Both end in one transaction; files are written before it and removed after it.
Invariant: at any time each event is either in the tail or in a segment, never in both, never in
neither.
"""

import sqlite3
from collections.abc import Iterator

import polars as pl

from liverank.events.log.storage.blocks import block_at, delete_blocks
from liverank.events.log.storage.database import Database, begin_generation, explained
from liverank.events.log.storage.ids import write_with_ids
from liverank.events.log.storage.locks import adding_segments, removing_segments
from liverank.events.log.storage.segments import (
    register,
    remove_files,
    segments_of,
    unregister,
    withdrawn_if_refused,
)
from liverank.events.log.storage.tail import stretch_of_tail, tail_extent


def compact_tail(database: Database, *, min_rows: int, segment_rows: int) -> int:
    """See ``Log.compact``."""
    moved = 0
    with explained(database.path), adding_segments(database.segments):
        with database.reading() as connection:
            if tail_extent(connection).rows < min_rows:
                return 0
            stretches = _stretches(connection, segment_rows)
        for first, last in stretches:
            with database.reading() as connection:
                frame = stretch_of_tail(connection, first, last).frame()
            if frame.height:  # empty if another process moved them first or all were erased
                moved += _move(database, frame)
    return moved


def _stretches(connection: sqlite3.Connection, segment_rows: int) -> list[tuple[int, int]]:
    """The tail as runs of seqs (first, last), not interrupted by a segment; blocks stay whole."""
    tail = tail_extent(connection)
    if not tail.rows:
        return []
    first, end = tail.first_seq, tail.last_seq
    runs = []
    for segment in segments_of(connection, after_seq=first):
        if segment.first_seq > first:
            runs.append((first, min(segment.first_seq - 1, end)))
        first = segment.last_seq + 1
    if first <= end:
        runs.append((first, end))
    return [
        stretch for first, last in runs for stretch in _cut(connection, first, last, segment_rows)
    ]


def _cut(
    connection: sqlite3.Connection, first: int, last: int, segment_rows: int
) -> Iterator[tuple[int, int]]:
    """A run of seqs in pieces of ``segment_rows``, extended to the end of the last block."""
    while first <= last:
        end = min(first + segment_rows - 1, last)
        block = block_at(connection, end)
        end = end if block is None else block[1]
        yield first, end
        first = end + 1


def _move(database: Database, frame: pl.DataFrame) -> int:
    """Make a segment of some rows of the tail; returns how many moved."""
    first, last = frame["seq"][0], frame["seq"][-1]
    segment = write_with_ids(database.segments, frame)
    with (
        withdrawn_if_refused(database.segments, [segment]),
        database.writing() as connection,
    ):
        # Only another process's compaction or expiry can have removed some rows meanwhile.
        held, others = connection.execute(
            "SELECT (SELECT count(*) FROM tail WHERE seq BETWEEN :first AND :last) + (SELECT"
            " coalesce(sum(rows), 0) FROM blocks WHERE last_seq BETWEEN :first AND :last),"
            " EXISTS (SELECT 1 FROM segments WHERE first_seq <= :last AND last_seq >= :first)",
            {"first": first, "last": last},
        ).fetchone()
        if held == frame.height and not others:
            connection.execute("DELETE FROM tail WHERE seq BETWEEN ? AND ?", (first, last))
            delete_blocks(connection, first, last)
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
            kept_from: int = connection.execute(
                "SELECT coalesce(min(seq), 1 << 62) FROM ("
                "SELECT min(seq) AS seq FROM tail WHERE min(time, arrived) >= :before"
                " UNION ALL SELECT min(first_seq) FROM blocks WHERE newest >= :before)",
                {"before": before_ms},
            ).fetchone()[0]
            tail = connection.execute("DELETE FROM tail WHERE seq < ?", (kept_from,)).rowcount
            tail += delete_blocks(connection, 0, kept_from - 1)
            if tail or old:
                begin_generation(connection)
        remove_files(database.segments, old)
    return tail + sum(segment.rows for segment in old)
