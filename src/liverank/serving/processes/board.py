"""Numbers that all processes of a server see: who lives, how far the log is folded, and counters.

One page of shared memory, made before the processes are; each of them writes its own words only, so
nothing is locked. Invariant: a counter of a process that died goes on from where it stood.
"""

import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from liverank.serving.undeclared_names import UndeclaredNames

ROUTES = ("rank", "events", "items", "users", "health", "other")
STATUSES = (200, 202, 400, 404, 405, 408, 413, 415, 422, 431, 500, 503, 507, 0)
"""Statuses that are counted apart; 0 stands for all others."""
RUNGS = ("model", "previous", "popular", "newest", "current")
"""What ranks: the last one is the bundle that serves in place of a variant's own."""
ALARMS = ("log", "bundle", "processes", "rankings", "experiments")
"""What ``/healthz`` complains of: its fields that make ``ok`` false."""
OTHER_SURFACE = "(other)"
BUCKETS_MS = (
    0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000
)  # fmt: skip
"""Upper bounds of the latencies that are counted together."""
_BUCKETS_S = tuple(bound / 1000 for bound in BUCKETS_MS)
_RUNG_PLACES = {None if rung == "model" else rung: place for place, rung in enumerate(RUNGS)}

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

_OF_ONE_PROCESS = (
    "lacks_bundle",
    "lacks_log",
    "refuses_events",
    "log_waits_ms",
    "wants_gap_us",
    "beat_ms",
)
"""What a process that takes another's place does not go on from."""


class Board:
    """The board of a server with so many workers, whose config names these surfaces.

    ``folding`` and ``workers[i]`` are rows of named numbers:

    pid            of the process; 0 while there is none
    incarnation    of ``folding``: how many folding processes there have been, one more as soon as
                   one has died; of a worker: the one whose state it ranks from
    view           the number of what a worker ranks from; 0 before there is anything
    generation     of the log, that a worker ranks from
    seq, last_seq  the last event folded, and the last of the log when the folding process looked
    reached        how far a first fold has come
    looked_ms      when the folding process last looked at the log, Unix ms
    fresh_ms       all that the log held at that time is folded, Unix ms; 0 before there is a view
    lacks_bundle   whether a worker could not load the bundle that it was told of
    lacks_log      why a worker's last batch of rankings could not be logged: a ``LogTrouble``
    refuses_events the same of its last batch of events
    log_waits_ms   for how long a worker has been waiting for another process that holds the log
    wants_gap_us   how long a read of a worker takes that batches overtake; 0 where none waits
    lost_ms        when a worker last lost a ranking, Unix ms; 0 for never
    beat_ms        when a worker last showed that it lives, Unix ms; 0 before it works
    alarms_ms      since when each of ``ALARMS`` goes on, Unix ms, or 0; written by the first worker
                   that lives
    cpu_us         processor time of the process and of those before it, whose own is
                   ``cpu_before_us``

    and counters: requests by route and status, candidates scored, requests answered late or refused
    (``shed``), rankings logged, lost and waiting, events by outcome. ``latency`` counts rankings by
    ``int64[worker, surface, rung, bucket]``, ``latency_us`` sums their microseconds. ``undeclared``
    counts events by names that the config does not declare.

    >>> board = Board(2, ["home"])
    >>> board.surfaces
    ('default', 'home', '(other)')
    >>> board.count_latency(0, "home", None, 0.0004)
    >>> board.latency.sum(), board.latency_us.sum()
    (np.int64(1), np.int64(400))
    """

    def __init__(self, n_workers: int, surfaces: Sequence[str] = ()) -> None:
        self.surfaces = tuple(dict.fromkeys(("default", *surfaces, OTHER_SURFACE)))
        self._places = {surface: place for place, surface in enumerate(self.surfaces)}
        self._other = len(self.surfaces) - 1
        shape = (n_workers, len(self.surfaces), len(RUNGS), len(BUCKETS_MS) + 1)
        sizes = [
            _FOLDING.itemsize,
            n_workers * _WORKER.itemsize,
            8 * int(np.prod(shape)),
            8 * int(np.prod(shape[:3])),
        ]
        self.undeclared = UndeclaredNames(n_workers)
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

    def row(self, place: int) -> np.void:
        """The row of the process of a place: a worker's, or -1 for the folding process."""
        row: np.void = self.folding if place < 0 else self.workers[place]
        return row

    def count_latency(
        self, worker: int, surface_name: str, fallback: str | None, took_s: float
    ) -> None:
        """Count a ranking that was answered after so many seconds."""
        surface = self._places.get(surface_name, self._other)
        rung = _RUNG_PLACES[fallback]
        bucket = bisect_left(_BUCKETS_S, took_s)
        self.latency[worker, surface, rung, bucket] += 1
        self.latency_us[worker, surface, rung] += int(1e6 * took_s)


def begin_process(row: np.void) -> None:
    """Write down that the calling process is the one of a row; it has no trouble yet."""
    row["cpu_before_us"] = row["cpu_us"]
    for name in _OF_ONE_PROCESS:
        if name in (row.dtype.names or ()):
            row[name] = 0
    row["pid"] = os.getpid()


def write_cpu(row: np.void) -> None:
    """Write down the processor time of the calling process: one word, so that it never falls."""
    row["cpu_us"] = row["cpu_before_us"] + time.process_time_ns() // 1000
