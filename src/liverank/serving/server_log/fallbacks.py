"""Fallbacks in the server's log: the first of a stretch, and how many there were when it ended.

Invariant: no request writes an event; what is counted is what ``/metrics`` counts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from liverank.serving.processes.board import RUNGS
from liverank.serving.server_log.events import write_event

QUIET_S = 5.0
"""A fallback has ended when so long there was none, and others were answered."""
_MODEL = RUNGS.index("model")


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

    ``last`` is the last request that each rung answered, by its name; ``counts`` how many each of
    ``RUNGS`` answered before.
    """

    def __init__(self, last: Mapping[str, Fallback], counts: Sequence[int]) -> None:
        self._last = last
        self._counts = list(counts)
        self._going_on: dict[int, _Stretch] = {}
        self._seen: dict[int, tuple[float, int]] = {}

    def look(self, counts: Sequence[int], *, now_s: float) -> None:
        """Write what changed, given how many each of ``RUNGS`` has answered by now."""
        total = sum(counts)
        for rung, count in enumerate(counts):
            before, self._counts[rung] = self._counts[rung], count
            if rung == _MODEL:
                continue
            if count > before:
                self._seen[rung] = now_s, total
                if rung not in self._going_on:
                    self._going_on[rung] = _Stretch(before, now_s)
                    self._write_begin(RUNGS[rung])
            elif rung in self._going_on:
                seen_s, total_then = self._seen[rung]
                if now_s - seen_s >= QUIET_S and total > total_then:
                    self._write_end(rung, seen_s)

    def end(self) -> None:
        """Write the end of those that still go on: the worker stops."""
        for rung in list(self._going_on):
            self._write_end(rung, self._seen[rung][0])

    def _write_begin(self, rung: str) -> None:
        last = self._last.get(rung)
        write_event(
            "fallback_began",
            f"rankings are by `{rung}`: {'it is not known why' if last is None else last.reason}",
            rung=rung,
            reason=None if last is None else last.reason,
            request_id=None if last is None else last.request_id,
            surface=None if last is None else last.surface,
        )

    def _write_end(self, rung: int, seen_s: float) -> None:
        stretch = self._going_on.pop(rung)
        count, seconds = self._counts[rung] - stretch.count_before, seen_s - stretch.began_s
        write_event(
            "fallback_ended",
            f"{count:,} rankings were by `{RUNGS[rung]}` within {seconds:.0f} s",
            rung=RUNGS[rung],
            count=count,
            seconds=round(seconds, 1),
        )
