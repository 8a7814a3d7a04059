"""Limits of the machine: free memory, cores, and the fastest number of threads."""

import os
from pathlib import Path

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families import Family
from liverank.dataset.sampling import evenly_spread_rows

_MANY_ROWS = 15_000
"""Number of rows on which numbers of threads are compared."""
_LEAST_ROWS = 3000
"""Rows below which one thread is always fastest."""
_ROUNDS = 6
_WORTH_IT = 0.75
"""Share of one thread's time below which several threads are used: threads wait for each other, and
more so when another process starts to use the cores later."""
_BUSY = 0.75
_SPARE = 0.9
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def available_bytes() -> int:
    """Free memory in bytes: the smaller of the system's and the container's."""
    left = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    if _MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if line)
        if "MemAvailable" in fields:
            left.append(int(fields["MemAvailable"].split()[0]) * 1024)
    if all(path.exists() for path in _CGROUP):
        most, used = (path.read_text().strip() for path in _CGROUP)
        if most.isdigit():
            left.append(int(most) - int(used))
    return max(min(left), 0)


def too_large(family: Family, n_rows: int, n_columns: int, memory: int) -> str | None:
    """The reason why a family does not fit into memory (bytes); None where it fits."""
    needs = family.needs_bytes(n_rows, n_columns, family.DEFAULTS[0][1])
    if needs <= memory * _SPARE:
        return None
    return f"needs about {needs / 1e6:,.0f} MB, and {memory / 1e6:,.0f} MB are free"


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fastest_threads(family: Family, train: Matrix, deadline: Deadline, n_cores: int) -> int:
    """The number of threads: 1, or all cores if that is faster now; models are the same.

    On few rows, or on a busy machine, threads wait for each other more than they help.
    """
    busy = os.getloadavg()[0] > _BUSY * n_cores
    if n_cores == 1 or busy or len(train) < _LEAST_ROWS:
        return 1
    rows = train.take(evenly_spread_rows(len(train), _MANY_ROWS))
    took_s = {}
    for threads in (1, n_cores, 1):  # the first fit also imports and sets up
        began = deadline.clock()
        family.fit(
            rows,
            None,
            family.DEFAULTS[0][1],
            seed=0,
            n_threads=threads,
            deadline=deadline,
            rounds=_ROUNDS,
        )
        took_s[threads] = deadline.clock() - began
    return n_cores if took_s[n_cores] < _WORTH_IT * took_s[1] else 1
