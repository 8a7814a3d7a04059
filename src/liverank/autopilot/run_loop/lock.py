"""One at a time: locks of files that the system frees when their process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liverank.errors import AutopilotError


@contextmanager
def only_one(root: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` of a deployment. Raises AutopilotError if another process has it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, only_one(Path(folder), "training"):
    ...     is_taken(Path(folder), "training")
    True
    """
    path = _path(root, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise AutopilotError(f"{path}: cannot be opened: {error}; check the folder") from None
    with lock:
        if not _locked(lock.fileno()):
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise AutopilotError(
                f"another process (pid {pid}) holds {path}: one {name} at a time; wait for it, "
                "or end that process"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_taken(root: Path, name: str) -> bool:
    """Whether some process holds the lock ``name``."""
    try:
        with _path(root, name).open("r") as lock:
            return not _locked(lock.fileno())
    except FileNotFoundError:
        return False


def _path(root: Path, name: str) -> Path:
    return root / f"{name}.lock"


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
