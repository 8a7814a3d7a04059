"""Fallbacks in the server's log: the first of a stretch, and how many there were when it ended.

Invariant: no request writes an event; what is counted is what ``/metrics`` counts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from liverank.serving.processes.board import LEVELS
from liverank.serving.server_log.events import write_event

QUIET_S = 5.0
"""A fallback has ended when so long there was none, and others were answered."""
_MODEL = LEVELS.index("model")


class Fallback(NamedTuple):
    """A request that was answered by a fallback, and why."""

    request_id: str
    surface: str
    reason: str | None


class _Stretch(NamedTuple):
    """A fallback that goes on: how often there was one before it, and when it began."""

    count_before: int
    began_s: float


class Fallbacks:
    """The fallbacks of one worker.

    ``last`` is the last request that each level answered, by its name; ``counts`` how many each of
    ``LEVELS`` answered before.
    """

    def __init__(self, last: Mapping[str, Fallback], counts: Sequence[int]) -> None:
        self._last = last
        self._counts = list(counts)
        self._going_on: dict[int, _Stretch] = {}
        self._seen: dict[int, tuple[float, int]] = {}

    def look(self, counts: Sequence[int], *, now_s: float) -> None:
        """Write what changed, given how many each of ``LEVELS`` has answered by now."""
        total = sum(counts)
        for level, count in enumerate(counts):
            before, self._counts[level] = self._counts[level], count
            if level == _MODEL:
                continue
            if count > before:
                self._seen[level] = now_s, total
                if level not in self._going_on:
                    self._going_on[level] = _Stretch(before, now_s)
                    self._write_begin(LEVELS[level])
            elif level in self._going_on:
                seen_s, total_then = self._seen[level]
                if now_s - seen_s >= QUIET_S and total > total_then:
                    self._write_end(level, seen_s)

    def end(self) -> None:
        """Write the end of those that still go on: the worker stops."""
        for level in list(self._going_on):
            self._write_end(level, self._seen[level][0])

    def _write_begin(self, level: str) -> None:
        last = self._last.get(level)
        write_event(
            "fallback_began",
            f"rankings are by `{level}`: {'it is not known why' if last is None else last.reason}",
            rung=level,
            reason=None if last is None else last.reason,
            request_id=None if last is None else last.request_id,
            surface=None if last is None else last.surface,
        )

    def _write_end(self, level: int, seen_s: float) -> None:
        stretch = self._going_on.pop(level)
        count, seconds = self._counts[level] - stretch.count_before, seen_s - stretch.began_s
        write_event(
            "fallback_ended",
            f"{count:,} rankings were by `{LEVELS[level]}` within {seconds:.0f} s",
            rung=LEVELS[level],
            count=count,
            seconds=round(seconds, 1),
        )
