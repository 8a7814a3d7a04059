"""What the machine of a server has left: memory and disk, and what the server takes of it.

Invariant: what the system does not say is None, never 0.
"""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def memory_of(pids: Iterable[int]) -> int | None:
    """Bytes of memory of these processes, where shared pages count once; None if unknown.

    >>> import os, sys
    >>> sys.platform != "linux" or memory_of([os.getpid()]) > 1_000_000
    True
    """
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, or this is not Linux
            kilobytes = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss")
            if kilobytes is None:
                return None
            total += 1024 * kilobytes
    return total or None


def memory_free() -> int | None:
    """Bytes of memory that programs can still take on this machine; None if unknown."""
    try:
        kilobytes = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    except FileNotFoundError:
        return None
    return None if kilobytes is None else 1024 * kilobytes


def disk_free(directory: Path) -> int | None:
    """Bytes that can still be written to the disk of a directory; None if unknown."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def _kilobytes(file: Path, name: str) -> int | None:
    """A number of a file in ``/proc``, or None. Raises FileNotFoundError, ProcessLookupError."""
    try:
        lines = file.read_text().splitlines()
    except PermissionError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return None
