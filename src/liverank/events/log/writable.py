"""Tests whether the log can be written, without adding to it.

Invariant: the log is the same before and after, and no file is left next to it.
"""

import os
import tempfile

from liverank.events.log.storage.database import Database, explained

_SCRATCH_BYTES = 1 << 18
"""Disk space, in bytes, that an append of ordinary size may need."""


def try_writing(database: Database) -> None:
    """Write a scratch file next to the log, and commit an empty change.

    Raises LogFullError, LogBusyError or LogError, as an append would.
    """
    folder = database.path.parent
    with explained(database.path), tempfile.TemporaryFile(dir=folder) as scratch:
        scratch.write(bytes(_SCRATCH_BYTES))
        scratch.flush()
        os.fsync(scratch.fileno())
    with database.writing() as connection:
        connection.execute("UPDATE state SET last_seq = last_seq")
