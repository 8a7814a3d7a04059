"""The board: numbers in memory shared by all processes of a server.

It has the pids, the progress of the fold, and counters. It is created before the processes are
forked; each writes only its own row, so no lock is needed. Invariant: when a process replaces one
that died, the counters continue from their last values.
"""

import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from liverank.serving.releases.reported_counts import ReportedCounts
from liverank.serving.undeclared_names import UndeclaredNames

ROUTES = ("rank", "events", "items", "users", "health", "other")
STATUSES = (200, 202, 400, 404, 405, 408, 413, 415, 422, 431, 500, 503, 507, 0)
"""Statuses with separate counters; 0 stands for all others."""
LEVELS = ("model", "previous", "popular", "newest", "current")
"""Sources of rankings: ``model`` is the current bundle, ``current`` that bundle in place of a
variant's own; the others are fallback levels."""
ALARMS = ("log", "bundle", "processes", "rankings", "experiments")
"""Fields of ``/healthz`` that make ``ok`` false."""
REPORTED = ("late", "shed", "rankings_lost", "events_accepted", "events_rejected")
"""Columns of workers that a server reports in the log, besides the rankings by level."""
OTHER_SURFACE = "(other)"
BUCKETS_MS = (
    0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000
)  # fmt: skip
"""Upper bounds of the buckets of the latency histogram, ms."""
_BUCKETS_S = tuple(bound / 1000 for bound in BUCKETS_MS)
_LEVEL_INDEXES = {None if level == "model" else level: index for index, level in enumerate(LEVELS)}

_WORKER = np.dtype(
    [
        ("pid", "i8"),
        ("generation", "i8"),
        ("view", "i8"),
        ("incarnation", "i8"),
        ("cpu_us", "i8"),
        ("cpu_before_us", "i8"),
        ("candidates", "i8"),
        ("shed", "i8"),
        ("late", "i8"),
        ("rankings_logged", "i8"),
        ("rankings_lost", "i8"),
        ("rankings_queued", "i8"),
        ("events_accepted", "i8"),
        ("events_duplicate", "i8"),
        ("events_rejected", "i8"),
        ("shadowed", "i8"),
        ("shadow_failures", "i8"),
        ("connections", "i8"),
        ("lacks_bundle", "i8"),
        ("lacks_log", "i8"),
        ("refuses_events", "i8"),
        ("log_waits_ms", "i8"),
        ("wants_gap_us", "i8"),
        ("lost_ms", "i8"),
        ("beat_ms", "i8"),
        ("requests", "i8", (len(ROUTES), len(STATUSES))),
    ]
)
_FOLDING = np.dtype(
    [
        ("pid", "i8"),
        ("incarnation", "i8"),
        ("cpu_us", "i8"),
        ("cpu_before_us", "i8"),
        ("seq", "i8"),
        ("last_seq", "i8"),
        ("reached", "i8"),
        ("looked_ms", "i8"),
        ("fresh_ms", "i8"),
        ("view", "i8"),
        ("supervisor_cpu_us", "i8"),
        ("is_stopping", "i8"),
        ("alarms_ms", "i8", (len(ALARMS),)),
    ]
)

_RESET_COLUMNS = (
    "lacks_bundle",
    "lacks_log",
    "refuses_events",
    "log_waits_ms",
    "wants_gap_us",
    "beat_ms",
)
"""Columns that a new process resets, because they describe the state of the one it replaces."""


class Board:
    """The board of a server with ``n_workers`` workers, whose config names these surfaces.

    ``folding`` and ``workers[i]`` are rows of named numbers:

    pid            process id; 0 while there is no process
    incarnation    ``folding``: the number of folding processes so far, increased when one dies;
                   worker: the number of the folding process whose state it ranks from
    view           number of the view that a worker ranks from, or that was sent last; 0 for none
    generation     generation of the log that a worker ranks from
    seq, last_seq  last event folded, and last event of the log at the folding process's last read
    reached        last event that the initial fold has reached
    looked_ms      time of the folding process's last read of the log, Unix ms
    fresh_ms       all events of the log up to this time are folded, Unix ms; 0 before any view
    lacks_bundle   whether a worker could not load the bundle that it should serve
    lacks_log      reason why a worker's last batch of rankings was not logged: a ``LogTrouble``
    refuses_events the same for its last batch of events
    log_waits_ms   time for which a worker has been waiting for the log's lock
    wants_gap_us   length of a worker's read that waits for a pause between batches; 0 for none
    lost_ms        time at which a worker last lost a ranking, Unix ms; 0 for never
    beat_ms        last sign of life of a worker, Unix ms; 0 before its first
    alarms_ms      start of each alarm of ``ALARMS``, Unix ms; 0 if it is off. The first living
                   worker writes it
    cpu_us         CPU time of this process and of those that it replaced, which used
                   ``cpu_before_us``

    and counters: requests by route and status, candidates scored, requests answered late or refused
    (``shed``), rankings logged, lost and queued, events by outcome, requests that a challenger in
    shadow scored (``shadowed``) or could not. ``latency`` counts rankings by
    ``int64[worker, surface, fallback level, bucket]``, ``latency_us`` sums their microseconds.
    ``undeclared`` counts events by names that the config does not declare. ``reported`` are the
    counts at the last report in the log.

    >>> board = Board(2, ["home"])
    >>> board.surfaces
    ('default', 'home', '(other)')
    >>> board.count_latency(0, "home", None, 0.0004)
    >>> board.latency.sum(), board.latency_us.sum()
    (np.int64(1), np.int64(400))
    """

    def __init__(self, n_workers: int, surfaces: Sequence[str] = ()) -> None:
        self.surfaces = tuple(dict.fromkeys(("default", *surfaces, OTHER_SURFACE)))
        self._indexes = {surface: index for index, surface in enumerate(self.surfaces)}
        self._other = len(self.surfaces) - 1
        shape = (n_workers, len(self.surfaces), len(LEVELS), len(BUCKETS_MS) + 1)
        sizes = [
            _FOLDING.itemsize,
            n_workers * _WORKER.itemsize,
            8 * int(np.prod(shape)),
            8 * int(np.prod(shape[:3])),
        ]
        self.undeclared = UndeclaredNames(n_workers)
        self.reported = ReportedCounts(len(LEVELS) * (len(BUCKETS_MS) + 1) + len(REPORTED))
        memory = mmap.mmap(-1, sum(sizes))
        starts = np.cumsum([0, *sizes]).tolist()
        self.folding: np.void = np.frombuffer(memory, _FOLDING, 1, starts[0])[0]
        self.workers: npt.NDArray[np.void] = np.frombuffer(memory, _WORKER, n_workers, starts[1])
        self.latency: npt.NDArray[np.int64] = np.frombuffer(
            memory, np.int64, int(np.prod(shape)), starts[2]
        ).reshape(shape)
        self.latency_us: npt.NDArray[np.int64] = np.frombuffer(
            memory, np.int64, int(np.prod(shape[:3])), starts[3]
        ).reshape(shape[:3])

    def row(self, worker: int) -> np.void:
        """The row of a worker by its index, or for -1 that of the folding process."""
        row: np.void = self.folding if worker < 0 else self.workers[worker]
        return row

    def count_latency(
        self, worker: int, surface_name: str, fallback: str | None, took_s: float
    ) -> None:
        """Count a ranking that was answered ``took_s`` seconds after its request was read."""
        surface = self._indexes.get(surface_name, self._other)
        level = _LEVEL_INDEXES[fallback]
        bucket = bisect_left(_BUCKETS_S, took_s)
        self.latency[worker, surface, level, bucket] += 1
        self.latency_us[worker, surface, level] += int(1e6 * took_s)


def begin_process(row: np.void) -> None:
    """Register the calling process in its row, and clear the trouble of its predecessor."""
    row["cpu_before_us"] = row["cpu_us"]
    for name in _RESET_COLUMNS:
        if name in (row.dtype.names or ()):
            row[name] = 0
    row["pid"] = os.getpid()


def write_cpu(row: np.void) -> None:
    """Write the CPU time of the calling process in one word, so that readers never see it fall."""
    row["cpu_us"] = row["cpu_before_us"] + time.process_time_ns() // 1000
