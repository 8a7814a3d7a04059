"""The SQLite file of the log: the tail of newest events and the manifest of segments.

Invariant: every change happens in one transaction that is on disk when it is acknowledged, and
every SQLite or disk failure is raised as a LogError with advice.
"""

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liverank.errors import LogBusyError, LogCorruptError, LogError, LogFullError
from liverank.events.log.storage.layouts import prepare
from liverank.events.log.storage.locks import give_turn, takes_turn

_POLL_S = 0.0005
_WORTH_BYTES = 1 << 20
"""Bytes of free pages up to which these are kept: new events will fill them."""
_LONG_WAL_BYTES = 8 << 20
"""WAL size above which it is truncated: twice its usual size without a blocking reader."""
_CHECKPOINTS = 10
_CHECKPOINT_PAUSE_S = 0.05
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Database:
    """One connection to write and one to read, each used by one thread at a time.

    The caller makes sure that no two processes create the file at once (``lock.opening``).
    ``busy_s`` is how long to wait for other processes; without ``syncs``, commits do not wait for
    the disk. Raises LogError and its kinds.
    """

    def __init__(self, path: Path, *, busy_s: float, syncs: bool = True) -> None:
        self.path = path
        self.busy_s = busy_s
        self._waits_since = 0.0
        self._writer = _connect(path, busy_s)
        self._reader = _connect(path, busy_s)
        self._writer.execute("PRAGMA busy_timeout = 0")  # _in_turn waits instead
        if not syncs:
            self._writer.execute("PRAGMA synchronous = NORMAL")
        self._turn = (path.parent / "turn.lock").open("a")
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()

    @property
    def segments(self) -> Path:
        """The directory of the segments' files."""
        return self.path.parent / "segments"

    @property
    def waits_s(self) -> float:
        """For how long this process has been waiting for another writer; 0 if it is not waiting.

        After a wait that timed out, the time keeps counting through the next one. Any thread may
        call it.
        """
        since = self._waits_since
        return time.monotonic() - since if since else 0.0

    @contextmanager
    def writing(self, *, until_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed and on disk after the block, or undone as a whole.

        ``until_s`` is the latest ``time.monotonic`` to wait for others, including threads of this
        process; without it, ``busy_s`` from now.
        """
        until_s = time.monotonic() + self.busy_s if until_s is None else until_s
        with self._writing_alone(until_s):
            self._in_turn(lambda: self._executes("BEGIN IMMEDIATE"), until_s)
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One read transaction: all queries of the block see the same version of the file."""
        with self._read_lock, explained(self.path):
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("COMMIT")

    def scrub(self) -> None:
        """Rewrite the file and empty its WAL: no byte of deleted data is left in either.

        Appends wait meanwhile. Raises LogBusyError while another process keeps reading, and
        LogFullError where the disk has no space for a copy of the file.
        """
        try:
            with self._writing_alone():
                self._in_turn(lambda: self._executes("VACUUM"))
                self._in_turn(self._empties_wal)
        except (LogBusyError, LogFullError) as error:
            raise type(error)(
                f"{self.path}: the events are erased, but their bytes are not off the disk yet, "
                "because it is full or another process is reading; erase again, or open the log "
                "again, when that is over"
            ) from error

    def shrink(self) -> None:
        """Return free pages to the disk where they are more than half of the file.

        The used pages are copied within one transaction, so appends wait for less time than it
        took to fill the freed pages. With a full disk or a concurrent writer or reader, nothing is
        done; the next call tries again.
        """
        with suppress(LogBusyError, LogFullError):
            with self._writing_alone():
                if self._is_mostly_free():
                    self._in_turn(lambda: self._executes("VACUUM"))
            for attempt in range(_CHECKPOINTS):
                with self._writing_alone():
                    # Both can be truncated only when all of the WAL is in the file and no
                    # reader uses an older version.
                    if not self._is_long() or self._empties_wal():
                        return
                if attempt + 1 < _CHECKPOINTS:
                    time.sleep(_CHECKPOINT_PAUSE_S)  # lets appends run

    def _is_mostly_free(self) -> bool:
        pages, free, page_bytes = self._pages()
        return free * page_bytes >= _WORTH_BYTES and free > pages // 2

    def _is_long(self) -> bool:
        """Whether the WAL is long, or the file is longer than its pages, counted with the WAL."""
        pages, _, page_bytes = self._pages()  # reads, so that there is a WAL
        wal = self.path.with_name(f"{self.path.name}-wal")
        return (
            self.path.stat().st_size >= pages * page_bytes + _WORTH_BYTES
            or wal.stat().st_size >= _LONG_WAL_BYTES
        )

    def _pages(self) -> tuple[int, int, int]:
        """How many pages the file has, how many of them are free, and the bytes of one."""
        pages, free, page_bytes = (
            int(self._writer.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return pages, free, page_bytes

    def last_seq(self) -> int:
        """The seq of the newest event ever logged; 0 before the first."""
        with self._read_lock, explained(self.path):
            return last_seq_of(self._reader)

    def close(self) -> None:
        """Close both connections; calling it twice is harmless."""
        with self._read_lock, self._write_lock:
            self._reader.close()
            self._writer.close()
            self._turn.close()

    @contextmanager
    def _writing_alone(self, until_s: float | None = None) -> Iterator[None]:
        """Reserve the writing connection for this thread. Raises LogBusyError if others keep it."""
        left_s = self.busy_s if until_s is None else max(until_s - time.monotonic(), 0.0)
        if not self._write_lock.acquire(timeout=left_s):
            raise busy(self.path)
        try:
            with explained(self.path):
                yield
        finally:
            self._write_lock.release()

    def _in_turn(self, attempt: Callable[[], bool], until_s: float | None = None) -> None:
        """Repeat an attempt that needs the write lock until it succeeds, in turn with others.

        SQLite's own waiting sleeps longer and longer, so a busy process starves the others. Here
        the next waiting process holds a turn lock, and the one that has just written must queue.
        """
        until_s = time.monotonic() + self.busy_s if until_s is None else until_s
        self._until(until_s, lambda: takes_turn(self._turn))
        try:
            self._until(until_s, attempt)
        finally:
            give_turn(self._turn)
        self._waits_since = 0.0

    def _until(self, until_s: float, attempt: Callable[[], bool]) -> None:
        while not attempt():
            now_s = time.monotonic()
            self._waits_since = self._waits_since or now_s
            if now_s > until_s:
                raise busy(self.path)
            time.sleep(_POLL_S)

    def _executes(self, statement: str) -> bool:
        """Execute a statement; returns False where another process blocks it."""
        try:
            self._writer.execute(statement)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        return True

    def _empties_wal(self) -> bool:
        """Try to copy the WAL into the file; returns whether it is empty now."""
        busy: int = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy


def last_seq_of(connection: sqlite3.Connection) -> int:
    """The newest seq as a transaction sees it."""
    last: int = connection.execute("SELECT last_seq FROM state").fetchone()[0]
    return last


def begin_generation(connection: sqlite3.Connection) -> None:
    """Begin a new generation of the log: state must be folded again from the start."""
    connection.execute("UPDATE state SET generation = generation + 1")


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            prepare(connection, path)
        except (sqlite3.Error, LogError):
            connection.close()
            raise
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a failure of SQLite or of the disk into a LogError with advice.

    >>> with explained(Path("log.sqlite")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    liverank.errors.LogFullError: log.sqlite: the disk is full; nothing of this batch was kept, ...
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(error, path) from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _full(path) from error
        raise LogError(f"{path}: {error}; check that the directory can be written") from error


def _of_sqlite(error: sqlite3.Error, path: Path) -> LogError:
    primary = _primary_code(error)
    if _is_busy(error):
        return busy(path)
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _is_full(path)):
        return _full(path)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return LogCorruptError(
            f"{path}: not a readable log ({error}); restore this file from a backup, or recover it "
            "with `sqlite3 FILE .recover`; the segments next to it are not touched"
        )
    return LogError(f"{path}: {error}; check the disk, its limits and who may write there")


def _primary_code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def busy(path: Path) -> LogBusyError:
    """The error for a process that could not write within its waiting time."""
    return LogBusyError(
        f"{path}: another process has held the log's write lock for too long; nothing of this "
        "batch was kept, send it again (and look for a stuck process with `fuser`)"
    )


def _full(path: Path) -> LogFullError:
    return LogFullError(
        f"{path}: the disk is full; nothing of this batch was kept, what was acknowledged before "
        "is safe; free some space and send it again"
    )


def _is_full(path: Path) -> bool:
    """Whether an I/O error means a full disk, which SQLite does not always report as such."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize < 1 << 20
