"""Crash recovery: removes orphan files, and finishes interrupted erasures.

Invariant: nothing here changes which events the log holds.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

from liverank.errors import LogBusyError, LogFullError
from liverank.events.log.storage.database import Database, explained
from liverank.events.log.storage.locks import removing_if_idle
from liverank.events.log.storage.segments import segments_of


def clear_leftovers(database: Database) -> None:
    """Remove leftovers, unless a process is adding or removing segments at this moment.

    With a full disk, or while another process locks the log, this is left to the next open.
    """
    with (
        explained(database.path),
        removing_if_idle(database.segments) as idle,
        suppress(LogBusyError, LogFullError),
    ):
        if not idle:
            return
        with database.reading() as connection:
            is_erasing = connection.execute("SELECT erasing FROM state").fetchone()[0]
            has_orphans = bool(_orphans(connection, database.segments))
        if is_erasing:
            finish_erasing(database)
        elif has_orphans:
            _remove_orphans(database)


def finish_erasing(database: Database) -> None:
    """Remove the bytes of erased data from the disk. The caller holds ``removing_segments``."""
    _remove_orphans(database)
    database.scrub()
    with database.writing() as connection:
        connection.execute("UPDATE state SET erasing = 0")


def _remove_orphans(database: Database) -> None:
    """Remove files that a killed import, compaction, expiry or erasure left.

    A process that is killed within its commit may leave the commit in the WAL, where others do not
    see it until the WAL is read again; then the manifest would name these files. So a commit of our
    own overwrites it first.
    """
    with database.writing() as connection:
        orphans = _orphans(connection, database.segments)
        connection.execute("UPDATE state SET manifest = manifest + 1")
    for file in orphans:
        file.unlink(missing_ok=True)


def _orphans(connection: sqlite3.Connection, directory: Path) -> list[Path]:
    known = {segment.name for segment in segments_of(connection)}
    return [
        file
        for file in directory.iterdir()
        if file.suffix in (".parquet", ".ids", ".draft")
        and file.name.partition(".")[0] not in known
    ]
