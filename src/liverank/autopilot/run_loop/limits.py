"""Budgets of a training: low priority, memory, wall time, and the life of its run loop.

Invariant: a training that goes beyond its budget ends, and its reason is logged.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liverank.serving.processes.autopilot_process import PRIORITY

_LOWEST_PRIORITY = 19
_LOOK_S = 0.25
_SHARE_OF_MACHINE = 0.5


def lower_priority() -> None:
    """Let this process step back behind servers; for the run loop, which must go on in time."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), PRIORITY))


def run_only_when_idle() -> None:
    """Let this process run only while a processor is idle, on half of them, if the system can."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_PRIORITY)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, cores[: max(len(cores) // 2, 1)])


def memory_of_machine() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def default_memory() -> int:
    """Bytes that a training may take where the config does not say: half of the machine's."""
    return int(_SHARE_OF_MACHINE * memory_of_machine())


def resident_bytes() -> int:
    """Resident memory of this process in bytes.

    >>> resident_bytes() > 1_000_000
    True
    """
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):  # not on Linux
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def limited(
    *,
    memory_bytes: int,
    seconds: float,
    on_exceeded: Callable[[str], None],
    parent: int | None = None,
) -> Iterator[None]:
    """Watch this process while the block runs; beyond a limit, call and end the process.

    It also ends when ``parent``, the id of its parent process, is no longer its parent.
    ``on_exceeded`` gets the reason in a sentence, in another thread; afterwards the process ends
    with exit status 1, whatever the main thread does.
    """
    done = threading.Event()
    until_s = time.monotonic() + seconds

    def watch() -> None:
        while not done.wait(_LOOK_S):
            taken = resident_bytes()
            reason = None
            if taken > memory_bytes:
                reason = (
                    f"the training took {taken / 1e9:.1f} GB of memory, and may take "
                    f"{memory_bytes / 1e9:.1f} GB; raise `autopilot.memory`, or lower "
                    "`training.max_rows` or `features.memory`"
                )
            elif time.monotonic() > until_s:
                reason = (
                    f"the training took longer than {seconds:,.0f} s; raise `autopilot.within`, "
                    "or lower `training.budget`"
                )
            elif parent is not None and os.getppid() != parent:
                reason = "the run loop that started the training was killed"
            if reason is not None and not done.is_set():
                try:
                    on_exceeded(reason)
                finally:
                    os._exit(1)

    watcher = threading.Thread(target=watch, name="limits", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
