"""What killed processes left: files that no manifest names, and bytes of erased events.

Invariant: nothing here changes which events the log holds.
"""

from contextlib import suppress

from liverank.errors import LogBusyError, LogFullError
from liverank.events.log.database import Database, explained
from liverank.events.log.lock import removing_if_idle
from liverank.events.log.segment import segments_of


def clear_leftovers(database: Database) -> None:
    """Remove what is left, unless a process is adding or removing segments at this moment."""
    with explained(database.path), removing_if_idle(database.segments) as idle:
        if not idle:
            return
        with database.reading() as connection:
            is_erasing = connection.execute("SELECT erasing FROM state").fetchone()[0]
        _remove_orphans(database)
        if is_erasing:
            # a full disk, or a long read of another process, is no reason not to open
            with suppress(LogBusyError, LogFullError):
                finish_erasing(database)


def finish_erasing(database: Database) -> None:
    """Take the bytes of what was erased from the disk. The caller holds ``removing_segments``."""
    _remove_orphans(database)
    database.scrub()
    with database.writing() as connection:
        connection.execute("UPDATE state SET erasing = 0")


def _remove_orphans(database: Database) -> None:
    """Remove files that a killed import, compaction, expiry or erasure left."""
    with database.reading() as connection:
        known = {segment.name for segment in segments_of(connection)}
    for file in database.segments.iterdir():
        is_kept_here = file.suffix in (".parquet", ".ids", ".draft")
        if is_kept_here and file.name.partition(".")[0] not in known:
            file.unlink(missing_ok=True)
