"""Fallbacks in the server's log: the first of a period, and their number when the period ends.

Invariant: no request writes an event; the numbers are those of ``/metrics``.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from liverank.serving.processes.board import LEVELS
from liverank.serving.server_log.events import write_event

QUIET_S = 5.0
"""Time without a fallback, while others were answered, after which its period has ended."""
_MODEL = LEVELS.index("model")


class Fallback(NamedTuple):
    """A request that a fallback answered, and the reason."""

    request_id: str
    surface: str
    reason: str | None


class _Period(NamedTuple):
    """A period of fallbacks that has not ended: the count before it, and its start."""

    count_before: int
    began_s: float


class Fallbacks:
    """Writes the fallbacks of one worker.

    ``last`` is the last request that each fallback level answered, by the level's name; ``counts``
    are the numbers of rankings by each of ``LEVELS`` so far.
    """

    def __init__(self, last: Mapping[str, Fallback], counts: Sequence[int]) -> None:
        self._last = last
        self._counts = list(counts)
        self._periods: dict[int, _Period] = {}
        self._seen: dict[int, tuple[float, int]] = {}

    def look(self, counts: Sequence[int], *, now_s: float) -> None:
        """Write periods that began or ended, given the present counts of each of ``LEVELS``."""
        total = sum(counts)
        for level, count in enumerate(counts):
            before, self._counts[level] = self._counts[level], count
            if level == _MODEL:
                continue
            if count > before:
                self._seen[level] = now_s, total
                if level not in self._periods:
                    self._periods[level] = _Period(before, now_s)
                    self._write_begin(LEVELS[level])
            elif level in self._periods:
                seen_s, total_then = self._seen[level]
                if now_s - seen_s >= QUIET_S and total > total_then:
                    self._write_end(level, seen_s)

    def end(self) -> None:
        """Write the end of all periods, because the worker stops."""
        for level in list(self._periods):
            self._write_end(level, self._seen[level][0])

    def _write_begin(self, level: str) -> None:
        last = self._last.get(level)
        write_event(
            "fallback_began",
            f"rankings are by `{level}`: {'reason unknown' if last is None else last.reason}",
            rung=level,
            reason=None if last is None else last.reason,
            request_id=None if last is None else last.request_id,
            surface=None if last is None else last.surface,
        )

    def _write_end(self, level: int, seen_s: float) -> None:
        period = self._periods.pop(level)
        count, seconds = self._counts[level] - period.count_before, seen_s - period.began_s
        write_event(
            "fallback_ended",
            f"{count:,} rankings were by `{LEVELS[level]}` within {seconds:.0f} s",
            rung=LEVELS[level],
            count=count,
            seconds=round(seconds, 1),
        )
