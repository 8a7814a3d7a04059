"""Alarms in the server's log: the beginning and the end of each problem in ``/healthz``.

Invariant: only the first living worker writes alarms. The board records the active alarms, so that
the end of an alarm is written even if another worker wrote its beginning.
"""

from collections.abc import Callable

import numpy as np

from liverank.serving.health import NO_BEAT_MS
from liverank.serving.http.messages import Health
from liverank.serving.processes.board import ALARMS, Board
from liverank.serving.server_log.events import write_event

EVERY_S = 1.0
"""Pause between two checks of health."""


class Alarms:
    """Writes the alarms of a server, in the worker with index ``worker``.

    ``health`` gives the report of ``/healthz``, ``clock_ms`` the time in Unix ms.
    """

    def __init__(
        self, board: Board, worker: int, health: Callable[[], Health], clock_ms: Callable[[], int]
    ) -> None:
        self._board = board
        self._worker = worker
        self._health = health
        self._clock_ms = clock_ms
        self._looked_s = 0.0

    def look(self, *, now_s: float) -> None:
        """Write alarms that began or ended since the last check by any worker; once a second."""
        if now_s - self._looked_s < EVERY_S or not is_first(
            self._board, self._worker, self._clock_ms()
        ):
            return
        self._looked_s = now_s
        health, at_ms = self._health(), self._clock_ms()
        since_ms = self._board.folding["alarms_ms"]
        for number, name in enumerate(ALARMS):
            what: str | None = getattr(health, name)
            began_ms = int(since_ms[number])
            if what is not None and not began_ms:
                since_ms[number] = at_ms
                write_event("alarm", f"{name}: {what}", alarm=name, what=what)
            elif what is None and began_ms:
                since_ms[number] = 0
                seconds = (at_ms - began_ms) / 1000
                message = f"{name}: no longer a problem, after {seconds:.0f} s"
                write_event("alarm_ended", message, alarm=name, seconds=round(seconds, 1))


def is_first(board: Board, worker: int, now_ms: int) -> bool:
    """Whether no worker with a lower index is alive at this time, Unix ms."""
    earlier = board.workers[:worker]
    lives = now_ms - earlier["beat_ms"] <= NO_BEAT_MS
    return not bool(np.any((earlier["pid"] != 0) & lives))
