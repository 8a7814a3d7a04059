"""Pilots: short fits that tell how long real ones will take, and what memory allows.

Invariant: a pilot's models are thrown away; only the time they took is used.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families import Family
from liverank.automl.trials.plan import TREES, Timing, Trial
from liverank.dataset.sampling import evenly_spread_rows

_FEW, _MANY, _LONG = 1500, 15_000, 6000
"""Rows of the two pilots, and of tables that are long enough for a second one."""
_FIXED = 0.3
"""Of a round's time, what does not grow with the rows, where only one size was timed."""
_ROUNDS_FOR_THREADS = 6
_WORTH_IT = 0.75
"""Of the time of one thread, what several may take to be worth it: they wait for each other, and
more so beside a neighbour who comes later."""
_BUSY = 0.75
_BEARABLE = 1.3
"""Expected times are not exact: a trial this much too slow is tried as it is."""
_HOPELESS = 3.0
_FEW_FOR_THREADS = 3000
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
_SPARE = 0.9
_ALL_SHARE = 0.25
"""Of the time left that all pilots together may take."""
_LEAST_LEFT = 0.2
"""A family that needs more of the time left than this to begin at all is left out."""


def available_bytes() -> int:
    """Memory that may be taken now: what the system has left, and the container."""
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
    """Why a family does not fit into memory (bytes); None where it does."""
    needs = family.needs_bytes(n_rows, n_columns, family.DEFAULTS[0][1])
    if needs <= memory * _SPARE:
        return None
    return f"needs about {needs / 1e6:,.0f} MB, and {memory / 1e6:,.0f} MB are free"


def time_family(family: Family, train: Matrix, *, n_threads: int, deadline: Deadline) -> Timing:
    """Time a family's first settings on few rows, and on more where there are more.

    What is imported and compiled at the first fit is not counted, unless that takes all the time.
    """
    began = deadline.clock()
    few = train.take(evenly_spread_rows(len(train), _FEW))
    first = family.fit(
        few, None, family.DEFAULTS[0][1], seed=0, n_threads=n_threads, deadline=deadline, rounds=1
    )
    if deadline.expired():
        # Mostly importing and compiling, one may hope; a trial that takes longer is stopped.
        round_s = (deadline.clock() - began) / (20 * max(first.rounds_run, 1))
        return Timing(setup_s=(round_s, 0.0), round_s=(0.0, round_s / len(few)))
    setup, round_s = _time_fit(family, few, n_threads, deadline)
    if len(train) < _LONG or not family.GROWS or deadline.expired():
        # One size: all but a little of a round is taken to grow with the rows.
        fixed = _FIXED if family.GROWS else 1.0
        return Timing(
            setup_s=(setup, 0.0), round_s=(fixed * round_s, (1 - fixed) * round_s / len(few))
        )
    many = train.take(evenly_spread_rows(len(train), _MANY))
    setup_2, round_2 = _time_fit(family, many, n_threads, deadline)
    return Timing(
        setup_s=_line(len(few), setup, len(many), setup_2),
        round_s=_line(len(few), round_s, len(many), round_2),
    )


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fastest_threads(family: Family, train: Matrix, deadline: Deadline, n_cores: int) -> int:
    """1, or all cores where that is faster here and now; models are the same.

    On few rows, or beside a busy neighbour, threads wait for each other more than they help.
    """
    busy = os.getloadavg()[0] > _BUSY * n_cores
    if n_cores == 1 or busy or len(train) < _FEW_FOR_THREADS:
        return 1
    rows = train.take(evenly_spread_rows(len(train), _MANY))
    took = {}
    for threads in (1, n_cores, 1):  # the first fit also imports and sets up
        began = deadline.clock()
        family.fit(
            rows,
            None,
            family.DEFAULTS[0][1],
            seed=0,
            n_threads=threads,
            deadline=deadline,
            rounds=_ROUNDS_FOR_THREADS,
        )
        took[threads] = deadline.clock() - began
    return n_cores if took[n_cores] < _WORTH_IT * took[1] else 1


def hurried(trial: Trial, slow_by: float, most_rate: float = 0.3) -> Trial | None:
    """The trial with a learning rate so high that it takes 1 / ``slow_by`` of the time.

    None where even the highest is far too slow, or there is no rate: a coarser model in time beats
    an unfinished one.

    >>> trial = Trial(family="lightgbm", name="n", params={"learning_rate": 0.05}, seed=0)
    >>> hurried(trial, 2.0).params["learning_rate"], hurried(trial, 30.0)
    (0.1, None)
    """
    rate = trial.params.get("learning_rate")
    if slow_by <= _BEARABLE:
        return trial
    if trial.family not in TREES or rate is None or rate * slow_by > _HOPELESS * most_rate:
        return None
    params = {**trial.params, "learning_rate": min(rate * slow_by, most_rate)}
    return Trial(family=trial.family, name=trial.name, params=params, seed=trial.seed)


def time_all(
    families: Mapping[str, Family],
    train: Matrix,
    *,
    n_threads: int,
    deadline: Deadline,
    share: float = 0.1,
) -> dict[str, Timing]:
    """Time each family within its share of the time left; those that there is none for are out."""
    timings: dict[str, Timing] = {}
    end = deadline.share(_ALL_SHARE)
    for name, family in families.items():
        if timings and end.expired():
            break
        least_s = getattr(family, "SETUP_S", 0.0)
        if timings and deadline.left_s() * _LEAST_LEFT < least_s:
            continue
        until = deadline.at(deadline.clock() + max(share * deadline.left_s(), least_s))
        timings[name] = time_family(family, train, n_threads=n_threads, deadline=until)
    return timings


def _time_fit(
    family: Family, rows: Matrix, n_threads: int, deadline: Deadline
) -> tuple[float, float]:
    """Seconds of setting up, and of a round."""
    params = family.DEFAULTS[0][1]
    took = []
    for rounds in family.PILOT:
        began = deadline.clock()
        fit = family.fit(
            rows,
            None,
            params,
            seed=0,
            n_threads=n_threads,
            deadline=deadline,
            rounds=rounds,
        )
        took.append((max(fit.rounds_run, 1), deadline.clock() - began))
    (few, short), (many, long) = took
    if long <= short:  # the first fit also imported or compiled
        return short, long / many
    round_s = max((long - short) / max(many - few, 1), long / many / 20, 1e-6)
    return max(long - many * round_s, 0.0), round_s


def _line(small: int, low: float, large: int, high: float) -> tuple[float, float]:
    slope = max(high - low, 0.0) / (large - small)
    return max(low - slope * small, 0.0), slope
