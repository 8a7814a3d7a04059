"""Locks between processes: on the files of segments, on opening the log, and the turn to write.

They use ``flock``, so the kernel releases a lock when its process ends, however it ends.
Invariant: a process that removes segments sees no file that another is still writing.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def adding_segments(directory: Path) -> Iterator[None]:
    """Block removals while new files wait to be registered in the manifest."""
    with (directory / "segments.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def removing_segments(directory: Path) -> Iterator[None]:
    """Wait until no process is adding segments, and block adding from then on."""
    with (directory / "segments.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def removing_if_idle(directory: Path) -> Iterator[bool]:
    """Like ``removing_segments``, but yields False at once where a process is adding some."""
    with (directory / "segments.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def opening(directory: Path) -> Iterator[None]:
    """Let one process at a time create or open the SQLite file."""
    with (directory / "open.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def takes_turn(file: IO[str]) -> bool:
    """Try to take the lock of the next writer; returns whether it succeeded."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def give_turn(file: IO[str]) -> None:
    """Release the lock of the next writer."""
    fcntl.flock(file, fcntl.LOCK_UN)
