"""Alarms about autopilot's own work: failed trainings, broken bundles, letters and checks."""

from collections.abc import Sequence

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.state import AutopilotState
from liverank.events.event import AutopilotStep

AHEAD_MS = 600_000
"""How far ahead of now a step may be, ms: clocks of two machines differ a little."""
MOST_FAILURES = 3
"""Number of trainings in a row that fail before people hear of it."""


def training_alarm(state: AutopilotState) -> Alarm | None:
    """The alarm while the last trainings failed; None below MOST_FAILURES.

    >>> training_alarm(AutopilotState()) is None
    True
    """
    if state.failures < MOST_FAILURES or state.failed_ms is None:
        return None
    return Alarm(
        key="training",
        kind="training",
        title=f"The last {state.failures} trainings failed",
        cause=f"The last one: {state.failed_because}",
        consequence="The model in service goes on and grows old; no other one replaces it.",
        next_step="Mend the cause, or run `liverank autopilot train` to see it at work.",
        since_ms=state.failed_ms,
    )


def bundle_alarm(problem: str, *, at_ms: int) -> Alarm:
    """The alarm while the bundle in service cannot be read or changed."""
    return Alarm(
        key="bundles",
        kind="training",
        title="The bundle in service cannot be changed",
        cause=problem,
        consequence="No challenger is released and nothing is taken back until this is over; "
        "servers go on with the bundle that they have.",
        next_step="Mend the folder of the bundles, or choose one with `liverank promote`.",
        since_ms=at_ms,
        severity="critical",
    )


def work_alarm(key: str, work: str, problem: str, *, at_ms: int) -> Alarm:
    """The alarm while a part of autopilot's work (``work``, e.g. a letter) does not succeed."""
    return Alarm(
        key=key,
        kind="training",
        title=f"Autopilot cannot do a part of its work: {work}",
        cause=problem,
        consequence="The rest of its work goes on; this part is tried again each hour.",
        next_step="Mend the cause.",
        since_ms=at_ms,
    )


def clock_alarm(steps: Sequence[AutopilotStep], *, at_ms: int) -> Alarm | None:
    """The alarm while the log holds a step of the future: what is due waits for that time."""
    newest_ms = max((step.at_ms for step in steps), default=at_ms)
    if newest_ms <= at_ms + AHEAD_MS:
        return None
    hours = (newest_ms - at_ms) / 3_600_000
    return Alarm(
        key="clock:autopilot",
        kind="clock",
        title=f"The log holds a step of autopilot that is {hours:,.1f} h in the future",
        cause="The clock of the machine ran ahead, and was set right since.",
        consequence="Trainings, trials and letters wait until that time has come.",
        next_step="Check the machine's clock; `liverank autopilot pause` and `resume` end a trial.",
        since_ms=at_ms,
    )
