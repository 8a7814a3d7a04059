"""Follows the challenger on trial in the log, as events of autopilot start and end it.

Invariant: after ``refresh``, ``release`` is that of all events up to ``seq``.
"""

from collections.abc import Iterable

from liverank.events.event import AutopilotStep, Event
from liverank.events.log import Log
from liverank.experiments.release import CHANGES_RELEASE, Release, release_of
from liverank.serving.state.log_fold import LogSlice


class Trials:
    """The release of a log. Not thread-safe."""

    def __init__(self, log: Log) -> None:
        """Read the events of autopilot up to now. Raises LogError and its subclasses."""
        self.seq = 0
        """Seq of the last event that was taken into account."""
        self.release: Release | None = None
        """The challenger on trial, or None."""
        self.served: Release | None = None
        """The release that servers follow; its owner sets it."""
        self.fitted: str | None = None
        """Version of the last challenger whose layout was looked at."""
        self._steps: list[AutopilotStep] = []
        self._is_stale = True
        self.refresh(log)

    def refresh(self, log: Log) -> None:
        """Read the events again if ``follow`` saw some only in a table of a segment.

        Raises LogError and its subclasses; the next call then tries it again.
        """
        if self._is_stale:
            seq = log.last_seq()
            self._steps = _changes(one.event for one in log.autopilot_steps())
            self.seq, self._is_stale = max(self.seq, seq), False
            self.release = release_of(self._steps)

    def follow(self, log_slice: LogSlice) -> None:
        """Take the next events of the log into account."""
        if log_slice.stream is None or log_slice.through_seq <= self.seq:
            return
        if log_slice.frame is not None:
            self._is_stale |= bool((log_slice.frame["event"] == "autopilot").any())
        else:
            pairs = zip(log_slice.events, log_slice.stream.seq.tolist(), strict=True)
            changes = _changes(event for event, seq in pairs if seq > self.seq)
            if changes:
                self._steps += changes
                self.release = release_of(self._steps)
        self.seq = log_slice.through_seq


def _changes(events: Iterable[Event]) -> list[AutopilotStep]:
    """The steps that start or end a trial."""
    return [
        event
        for event in events
        if isinstance(event, AutopilotStep) and event.action in CHANGES_RELEASE
    ]
