"""The tables of the log's SQLite file, and the migration of files of an older format.

Invariant: a file has the tables of its version or those of the newest, never half of a migration.
"""

import sqlite3
from pathlib import Path

from liverank.errors import LogCorruptError, LogError

_LAYOUTS = (
    """
CREATE TABLE IF NOT EXISTS tail (
    seq INTEGER PRIMARY KEY,
    arrived INTEGER NOT NULL,
    time INTEGER NOT NULL,
    dedup TEXT,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS tail_dedup ON tail (dedup) WHERE dedup IS NOT NULL;
CREATE TABLE IF NOT EXISTS segments (
    name TEXT PRIMARY KEY,
    rows INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL UNIQUE,
    oldest_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    digest TEXT NOT NULL,
    ids INTEGER NOT NULL,
    ids_digest TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last_seq INTEGER NOT NULL,
    manifest INTEGER NOT NULL
);
INSERT OR IGNORE INTO state VALUES (1, 0, 0);
""",
    """
ALTER TABLE state ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE state ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE state ADD COLUMN erasing INTEGER NOT NULL DEFAULT 0;
UPDATE state SET identity = lower(hex(randomblob(16)));
""",
    """
ALTER TABLE state ADD COLUMN salt BLOB NOT NULL DEFAULT x'';
UPDATE state SET salt = randomblob(32);
CREATE TABLE IF NOT EXISTS suppressed (
    hash BLOB PRIMARY KEY,
    erased_ms INTEGER NOT NULL
) WITHOUT ROWID;
""",
    """
CREATE TABLE IF NOT EXISTS blocks (
    last_seq INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS block_ids (
    hash INTEGER NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (hash, block)
) WITHOUT ROWID;
""",
)
"""SQL of the tables that each version of the format adds to the previous one."""

FORMAT = len(_LAYOUTS)
"""Version of the whole layout, kept in SQLite's ``user_version``."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of a new file, or migrate an older one; a current one stays.

    Raises LogError for a file of a later version, LogCorruptError for one that was lost.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise LogError(
            f"{path}: the log has format {version}, this liverank reads up to {FORMAT}; "
            "upgrade liverank"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    if version == 0:
        if any((path.parent / "segments").glob("*.parquet")):
            raise LogCorruptError(
                f"{path}: it is missing or empty, yet there are segments, which it names; restore "
                "it from a backup, or import the segments into a new log; they are not touched"
            )
        connection.execute("PRAGMA journal_mode = WAL")
    if version < FORMAT:
        missing = "".join(_LAYOUTS[version:])
        connection.executescript(
            f"BEGIN IMMEDIATE; {missing} PRAGMA user_version = {FORMAT}; COMMIT"
        )
