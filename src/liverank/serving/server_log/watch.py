"""What a worker looks at now and then, to write into the server's log what has changed.

It looks at counts on the board, so that no request waits for it.
"""

import time

from liverank.serving.health import HealthReporter
from liverank.serving.server_log.alarms import Alarms
from liverank.serving.server_log.fallbacks import Fallbacks
from liverank.serving.server_log.refusals import Refusals
from liverank.serving.service import Service


class Watch:
    """Watches the worker of this place. Belongs to its event loop."""

    def __init__(self, service: Service, health: HealthReporter, place: int) -> None:
        self._board = service.board
        self._place = place
        self._fallbacks = Fallbacks(service.last_fallback, self._levels())
        self._refusals = Refusals(service.counts, service.last_refused)
        self._alarms = Alarms(service.board, place, health.health, service.wall_ms)

    def look(self) -> None:
        """Write what has changed since it looked last."""
        now_s = time.monotonic()
        self._fallbacks.look(self._levels(), now_s=now_s)
        self._refusals.look(now_s=now_s)
        self._alarms.look(now_s=now_s)

    def end(self) -> None:
        """Write what is not written yet: the worker stops."""
        now_s = time.monotonic()
        self._fallbacks.look(self._levels(), now_s=now_s)
        self._fallbacks.end()
        self._refusals.look(now_s=now_s, is_last=True)

    def _levels(self) -> list[int]:
        """How many rankings each level has answered."""
        counts: list[int] = self._board.latency[self._place].sum(axis=(0, 2)).tolist()
        return counts
