"""Locks between processes: on the files of segments, on opening the log, and the turn to write.

They are the kernel's (``flock``), so each goes with the process that held it, however it ended.
Invariant: whoever removes segments sees no file that somebody is still writing.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def adding_segments(directory: Path) -> Iterator[None]:
    """Hold off removals while new files wait to be registered in the manifest."""
    with (directory / "segments.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def removing_segments(directory: Path) -> Iterator[None]:
    """Wait until nobody is adding segments, then keep it so."""
    with (directory / "segments.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def removing_if_idle(directory: Path) -> Iterator[bool]:
    """Like ``removing_segments``, but yields False at once when somebody is adding some."""
    with (directory / "segments.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def opening(directory: Path) -> Iterator[None]:
    """Let one process at a time make or open the SQLite file."""
    with (directory / "open.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def takes_turn(file: IO[str]) -> bool:
    """Try to become the process that writes next."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def give_turn(file: IO[str]) -> None:
    """Let another process become the next."""
    fcntl.flock(file, fcntl.LOCK_UN)
