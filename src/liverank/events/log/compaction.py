"""Moving the tail into segments, and dropping what is too old.

Both end in one transaction; files are written before it and removed after it.
Invariant: at every moment each event is in the tail or in a segment, never in both, never in
neither.
"""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl

from liverank.events.event import Event, decode_event
from liverank.events.frame import frame_of
from liverank.events.log.database import explained, reading, writing
from liverank.events.log.ids import dedup_ids, ids_of, write_ids
from liverank.events.log.lock import adding_segments, removing_if_idle, removing_segments
from liverank.events.log.segment import register, remove_files, segments_of, write_rows


def compact_tail(
    *,
    min_rows: int,
    connection: sqlite3.Connection,
    path: Path,
    lock: AbstractContextManager[object],
    segment_rows: int,
) -> int:
    """See ``Log.compact``; ``lock`` guards the connection."""
    directory = path.parent / "segments"
    moved = 0
    with explained(path), adding_segments(directory):
        with lock, reading(connection, path):
            stretches = _stretches(connection, segment_rows)
        if sum(last - first + 1 for first, last in stretches) < min_rows:
            return 0
        for first, last in stretches:
            with lock, reading(connection, path):
                frame = tail_rows(connection, first, last)
            if frame.height == last - first + 1:  # else another process was quicker
                moved += _move(frame, directory, connection, path, lock)
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


def tail_rows(connection: sqlite3.Connection, first_seq: int, last_seq: int) -> pl.DataFrame:
    """The events of the tail in a range of seqs (both ends included) as a frame of SCHEMA."""
    rows = connection.execute(
        "SELECT seq, arrived, body FROM tail WHERE seq BETWEEN ? AND ? ORDER BY seq",
        (first_seq, last_seq),
    ).fetchall()
    events: list[Event] = [decode_event(body) for _, _, body in rows]
    frame = frame_of(events, seqs=[seq for seq, _, _ in rows])
    return frame.with_columns(pl.Series("arrived", [row[1] for row in rows], pl.Int64))


def _move(
    frame: pl.DataFrame,
    directory: Path,
    connection: sqlite3.Connection,
    path: Path,
    lock: AbstractContextManager[object],
) -> int:
    """Make a segment of some rows of the tail; returns how many moved."""
    first, last = frame["seq"][0], frame["seq"][-1]
    segment = write_rows(directory, frame).placed(first)
    texts = dedup_ids(frame)
    if texts.null_count() < len(texts):
        ids = ids_of(texts.drop_nulls().to_list())
        segment = write_ids(directory, segment, ids, texts.is_not_null().arg_true().to_numpy())
    with lock, writing(connection, path):
        dropped = connection.execute("DELETE FROM tail WHERE seq BETWEEN ? AND ?", (first, last))
        if dropped.rowcount == frame.height:
            register(connection, segment)
            return frame.height
        connection.execute("ROLLBACK")  # another process moved or expired some of them
    remove_files(directory, [segment.name])
    return 0


def expire_rows(
    before_ms: int,
    *,
    connection: sqlite3.Connection,
    path: Path,
    lock: AbstractContextManager[object],
) -> int:
    """See ``Log.expire``; ``lock`` guards the connection."""
    directory = path.parent / "segments"
    with explained(path), removing_segments(directory):
        with lock, writing(connection, path):
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
        remove_files(directory, [segment.name for segment in old])
    return tail + sum(segment.rows for segment in old)


def remove_orphans(connection: sqlite3.Connection, path: Path) -> int:
    """Remove files that a killed import, compaction or expiry left; returns how many."""
    directory = path.parent / "segments"
    with explained(path), removing_if_idle(directory) as idle:
        if not idle:
            return 0
        known = {segment.name for segment in segments_of(connection)}
        orphans = [
            file
            for file in directory.iterdir()
            if file.suffix in (".parquet", ".ids", ".draft")
            and file.name.partition(".")[0] not in known
        ]
        for file in orphans:
            file.unlink(missing_ok=True)
    return len(orphans)
