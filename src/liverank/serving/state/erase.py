"""Erasing a user, beside the server or within it: the log first, then the snapshots of it.

Invariant: what is left of a user after a failure is stale and known to be, never read again.
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

    Raises BadRequestError: 422 for what is no id, 503 while others hold the log, 507 when the disk
    is full; else LogError.
    """
    with log_refusals("path"):
        return log.erase(user, at_ms=at_ms)


def remove_snapshots(folder: Path) -> int:
    """Remove everything in the folder of the snapshots, if there is one; returns how many.

    A server makes new ones from the log. Raises LogError when one cannot be removed.

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
            f"{error}; remove what is in this folder by hand"
        ) from None
    return removed


def _remove_directory(snapshot: Path) -> None:
    """Remove a snapshot, to which a process that is taking it can add no more once it has moved.

    One that has just got its name is removed by that process, which looks at the log then.
    """
    aside = snapshot.with_name(f"{secrets.token_hex(4)}.gone")
    with suppress(FileNotFoundError):
        snapshot.rename(aside)
        shutil.rmtree(aside)
