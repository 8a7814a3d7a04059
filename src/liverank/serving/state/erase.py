"""Erases a user from the log, then removes snapshots; for the command and for the server.

Invariant: the user's data that remains after a failure is marked as stale and never read again.
"""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from liverank.errors import LogError
from liverank.events.log import EraseResult, Log
from liverank.serving.http.log_errors import log_refusals


def erase_from_log(log: Log, user: str, *, at_ms: int) -> EraseResult:
    """Erase a user from the log for a request made at ``at_ms`` (Unix ms); waits for the disk.

    Raises BadRequestError: 422 for an invalid id, 503 while another process locks the log, 507 if
    the disk is full; else LogError.
    """
    with log_refusals("path"):
        return log.erase(user, at_ms=at_ms)


def remove_snapshots(folder: Path) -> int:
    """Remove all snapshots in a folder, if it exists; returns their number.

    A server makes new ones from the log. Raises LogError if a snapshot cannot be removed.

    >>> remove_snapshots(Path("no/such/folder"))
    0
    """
    removed = 0
    try:
        for snapshot in sorted(folder.iterdir()) if folder.is_dir() else []:
            if snapshot.is_dir() and not snapshot.is_symlink():
                _remove_directory(snapshot)
            else:
                snapshot.unlink(missing_ok=True)
            removed += 1
    except OSError as error:
        raise LogError(
            f"{folder}: the log no longer holds the user, but a snapshot of it cannot be removed: "
            f"{error}; remove the contents of this folder by hand"
        ) from None
    return removed


def _remove_directory(snapshot: Path) -> None:
    """Rename a snapshot, so that a process that writes it can add no more files; then remove it.

    A snapshot that is complete just now is removed by its writer, which checks the log at the end.
    """
    renamed = snapshot.with_name(f"{secrets.token_hex(4)}.gone")
    with suppress(FileNotFoundError):
        snapshot.rename(renamed)
        shutil.rmtree(renamed)
