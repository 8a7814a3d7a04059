"""Checks counts on the board periodically, and writes what changed to the server's log.

No request waits for it.
"""

import time

from liverank.serving.health import HealthReporter
from liverank.serving.server_log.alarms import Alarms
from liverank.serving.server_log.fallbacks import Fallbacks
from liverank.serving.server_log.refusals import Refusals
from liverank.serving.service import Service


class Watch:
    """Watches the worker with index ``worker``. Belongs to its event loop."""

    def __init__(self, service: Service, health: HealthReporter, worker: int) -> None:
        self._board = service.board
        self._worker = worker
        self._fallbacks = Fallbacks(service.last_fallback, self._levels())
        self._refusals = Refusals(service.counts, service.last_refused)
        self._alarms = Alarms(service.board, worker, health.health, service.wall_ms)

    def look(self) -> None:
        """Write what has changed since the last call."""
        now_s = time.monotonic()
        self._fallbacks.look(self._levels(), now_s=now_s)
        self._refusals.look(now_s=now_s)
        self._alarms.look(now_s=now_s)

    def end(self) -> None:
        """Write everything that is not written yet, because the worker stops."""
        now_s = time.monotonic()
        self._fallbacks.look(self._levels(), now_s=now_s)
        self._fallbacks.end()
        self._refusals.look(now_s=now_s, is_last=True)

    def _levels(self) -> list[int]:
        """Number of rankings by each of ``LEVELS``."""
        counts: list[int] = self._board.latency[self._worker].sum(axis=(0, 2)).tolist()
        return counts
