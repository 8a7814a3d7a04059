"""Writes what a server reports into the log: about itself, and about the challenger in shadow.

Every worker reports on its own comparisons; the first living one reports on the server, if the
config has [autopilot]. Invariant: the event loop waits for no report, except in simulated time,
where reports are written between two requests.
"""

import asyncio
import os
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.errors import LogError
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.serving.health import HealthReporter
from liverank.serving.processes.board import BUCKETS_MS, LEVELS, REPORTED, Board
from liverank.serving.releases.machine import disk_free, memory_free, memory_of
from liverank.serving.reports import ServerReport
from liverank.serving.server_log.alarms import is_first
from liverank.serving.server_log.refusals import REJECTED
from liverank.serving.service import Service

EVERY_MS, SIMULATED_EVERY_MS = 300_000, 3_600_000
"""Time of the event clock between two reports of a server, in real and in simulated time."""
_MAX_UNSENT = 20
"""Maximum number of reports that wait for a log that cannot be written; older ones are dropped."""


class Reporter:
    """Reports of the worker with this index. Its methods are called one at a time."""

    def __init__(
        self, service: Service, health: HealthReporter, log: Log, directory: Path, index: int
    ) -> None:
        """``directory`` is that of the log."""
        self._directory = directory
        self._service = service
        self._health = health
        self._log = log
        self._index = index
        self._is_simulated = service.simulation is not None
        self._every_ms = SIMULATED_EVERY_MS if self._is_simulated else EVERY_MS
        self._unsent: list[AutopilotStep] = []
        if service.board.reported.from_ms is None:
            service.board.reported.begin(service.clock_ms())

    async def look(self) -> None:
        """Write the reports that are due, in another thread."""
        if self._is_simulated:
            return
        await asyncio.to_thread(self.flush)

    def flush(self, *, is_last: bool = False) -> None:
        """Write the reports that are due; with ``is_last``, that of the server also before."""
        at_ms = self._service.clock_ms()
        shadowed = self._service.shadow.report(at_ms)
        if shadowed is not None:
            self._unsent = [*self._unsent, shadowed][-_MAX_UNSENT:]
        try:
            own = self._report(at_ms, is_last=is_last)
            steps = self._unsent if own is None else [*self._unsent, own]
            if not steps:
                return
            self._log.append(steps, arrived_ms=at_ms)
        except LogError:
            return  # ``/healthz`` reports it; the next call tries again
        self._unsent = []
        if own is not None:
            self._service.board.reported.confirm()

    def _report(self, at_ms: int, *, is_last: bool) -> AutopilotStep | None:
        """The report of the server, if it is due and this worker writes it."""
        service, board = self._service, self._service.board
        if service.config.autopilot is None or service.why_not_ready() is not None:
            return None
        if not is_first(board, self._index, service.wall_ms()):
            return None
        reported = board.reported
        from_ms = reported.from_ms
        if from_ms is None:
            reported.begin(at_ms)
            return None
        if reported.to_ms is None:
            if at_ms - from_ms < self._every_ms and not is_last:
                return None
            reported.prepare(counts_of(board), at_ms)
        to_ms = reported.to_ms or at_ms
        report = self._server_report(reported.difference(), from_ms, to_ms)
        total = sum(report.rankings.values())
        step = step_of(
            "reported",
            at_ms=to_ms,
            reason=f"{total:,} rankings and {report.events_accepted:,} events",
            detail=report,
        )
        return msgspec.structs.replace(step, id=reported.id)

    def _server_report(self, counts: NDArray[np.int64], from_ms: int, to_ms: int) -> ServerReport:
        by_level = counts[: -len(REPORTED)].reshape(len(LEVELS), -1)
        by_bucket = by_level.sum(axis=0)
        numbers = dict(zip(REPORTED, counts[-len(REPORTED) :].tolist(), strict=True))
        is_real = not self._is_simulated
        service = self._service
        pids = [pid for pid in (os.getppid(), *self._health.pids().values()) if pid > 1]
        return ServerReport(
            from_ms=from_ms,
            to_ms=to_ms,
            rankings=dict(zip(LEVELS, by_level.sum(axis=1).tolist(), strict=True)),
            last_rejected=service.last_refused.get(REJECTED),
            p50_ms=quantile_ms(by_bucket, 0.5) if is_real else None,
            p99_ms=quantile_ms(by_bucket, 0.99) if is_real else None,
            lag_s=round(self._health.lag_s(), 3) if is_real else 0.0,
            log_bytes=self._log.stats().bytes if is_real else None,
            disk_free_bytes=disk_free(self._directory) if is_real else None,
            memory_bytes=memory_of(pids) if is_real else None,
            memory_free_bytes=memory_free() if is_real else None,
            **numbers,
        )


def counts_of(board: Board) -> NDArray[np.int64]:
    """All counts that reports hold, of all workers: int64[len(board.reported)]."""
    latency = board.latency.sum(axis=(0, 1)).ravel()
    numbers = [int(board.workers[name].sum()) for name in REPORTED]
    return np.concatenate([latency, np.array(numbers, np.int64)])


def quantile_ms(counts: NDArray[np.int64], q: float) -> float | None:
    """Upper bound of a quantile of times that were counted in ``BUCKETS_MS``, int64[buckets + 1].

    None without any, and if it lies above the last bound.

    >>> counts = np.zeros(len(BUCKETS_MS) + 1, np.int64)
    >>> counts[[2, 9]] = 97, 3
    >>> quantile_ms(counts, 0.5), quantile_ms(counts, 0.99)
    (0.3, 5)
    """
    total = int(counts.sum())
    if total == 0:
        return None
    bucket = int(np.searchsorted(np.cumsum(counts), q * total))
    return BUCKETS_MS[bucket] if bucket < len(BUCKETS_MS) else None
