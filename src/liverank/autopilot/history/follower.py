"""Follows the events of autopilot in a log: all of them at first, then those that are new.

Invariant: ``steps`` is what ``steps_in`` returns for the log up to ``seq``, without the reports of
servers (``reported``): they are most of the events, and no fold reads them.
"""

from collections.abc import Iterable

import polars as pl

from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.events.event import AutopilotStep, Event
from liverank.events.frame import SCHEMA, events_of
from liverank.events.log import Log

_COLUMNS = ("seq", "event", "time", "id", "model", "action", "fields")
_REPORTED = "reported"


class StepFollower:
    """The steps of a log, kept up to date. Belongs to one thread. Raises LogError and its kinds."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._generation = 0
        self._seq = 0
        self._state: AutopilotState | None = None
        self.steps: list[AutopilotStep] = []
        """All steps so far but the reports of servers, in seq order."""
        self._read_all(log.generation())

    def follow(self) -> AutopilotState:
        """Read the new events of the log, and return the state after them."""
        generation = self._log.generation()
        if generation != self._generation:  # events expired, or were appended again, or erased
            self._read_all(generation)
        for frame in self._log.read(self._seq + 1, columns=_COLUMNS):
            self._seq = int(frame["seq"][-1])
            found = frame.filter((pl.col("event") == "autopilot") & (pl.col("action") != _REPORTED))
            if found.height:
                whole = found.with_columns(
                    pl.lit(None, dtype).alias(name)
                    for name, dtype in SCHEMA.items()
                    if name not in _COLUMNS
                )
                self._add(events_of(whole.select(*SCHEMA)))
        if self._state is None:
            self._state = state_of(self.steps)
        return self._state

    def _read_all(self, generation: int) -> None:
        self._generation, self._state = generation, None
        self._seq = self._log.last_seq()
        self.steps.clear()
        for one in self._log.autopilot_steps():
            self._add([one.event])
            self._seq = max(self._seq, one.seq)

    def _add(self, events: Iterable[Event]) -> None:
        steps = [event for event in events if isinstance(event, AutopilotStep)]
        self.steps += [step for step in steps if step.action != _REPORTED]
        self._state = None
