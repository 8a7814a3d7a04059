"""Follows the events of autopilot in a log: all of them at first, then those that are new.

Invariant: ``steps`` is what ``steps_in`` returns for the log up to ``seq``.
"""

import polars as pl

from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.events.event import AutopilotStep
from liverank.events.frame import SCHEMA, events_of
from liverank.events.log import Log

_COLUMNS = ("seq", "event", "time", "id", "model", "action", "fields")


class StepFollower:
    """The steps of a log, kept up to date. Belongs to one thread. Raises LogError and its kinds."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._seq = log.last_seq()
        self.steps: list[AutopilotStep] = []
        """All steps so far, in seq order."""
        for one in log.autopilot_steps():
            if isinstance(one.event, AutopilotStep):
                self.steps.append(one.event)
                self._seq = max(self._seq, one.seq)

    def follow(self) -> AutopilotState:
        """Read the new events of the log, and return the state after them."""
        for frame in self._log.read(self._seq + 1, columns=_COLUMNS):
            self._seq = int(frame["seq"][-1])
            found = frame.filter(pl.col("event") == "autopilot")
            if found.height:
                whole = found.with_columns(
                    pl.lit(None, dtype).alias(name)
                    for name, dtype in SCHEMA.items()
                    if name not in _COLUMNS
                )
                events = events_of(whole.select(*SCHEMA))
                self.steps += [event for event in events if isinstance(event, AutopilotStep)]
        return state_of(self.steps)
