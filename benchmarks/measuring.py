"""How time and memory are measured, alike in all benchmarks."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_STATUS = Path("/proc/self/status")
_EVERY_S = 0.02


@dataclass(slots=True)
class Memory:
    """Most memory that a stretch of work held, in bytes.

    ``own`` is the process's own memory, anonymous and shared; ``resident`` is all of it, with pages
    of mapped files, which the system may drop at will. ``own_before`` was held when work began.
    """

    own_before: int = 0
    own: int = 0
    resident: int = 0


@contextmanager
def memory() -> Iterator[Memory]:
    """Watch this process's memory, every 20 ms, while the block runs (Linux)."""
    peak = Memory(own_before=own_memory())
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY_S):
            peak.own = max(peak.own, own_memory())
            peak.resident = max(peak.resident, _held("VmRSS"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.own = max(peak.own, own_memory())
        peak.resident = max(peak.resident, _held("VmRSS"))


def own_memory() -> int:
    """Bytes that this process holds beside mapped files: its own, and shared memory."""
    return _held("RssAnon") + _held("RssShmem")


def _held(name: str) -> int:
    """Bytes of a line of ``/proc/self/status``."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{_STATUS}: no {name}; memory is measured on Linux 4.5 or newer only")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its seconds."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def microseconds(work: Callable[[], object], *, turns: int) -> list[float]:
    """Sorted microseconds of each of so many turns, after one that does not count."""
    work()
    return sorted(timed(work)[1] * 1e6 for _ in range(turns))


def quantile(values: list[float], share: float) -> float:
    """The value below which a share of the sorted values lies.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    if share == 0.5:
        return statistics.median(values)
    return values[min(int(share * len(values)), len(values) - 1)]
