"""Alarms about autopilot's own work: failed trainings, broken bundles, features that differ."""

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.run_loop.jobs import JobResult
from liverank.quantities import counted

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


def skew_alarm(check: JobResult, *, at_ms: int) -> Alarm | None:
    """The alarm where served features differ from replayed ones, by `liverank replay --check`.

    None where they agree, and where nothing could be compared.
    """
    mismatches = check.answer.get("mismatches")
    if not isinstance(mismatches, int) or mismatches == 0:
        return None
    differences = check.answer.get("differences") or [{}]
    feature = str(differences[0].get("feature", "unknown"))
    return Alarm(
        key="skew",
        kind="skew",
        title=f"{counted(mismatches, 'served feature')} differ from a replay of the log",
        cause=f"A fault of liverank or of the log's files; the first one is `{feature}`.",
        consequence="Models learn from other numbers than those that rank; nothing is trained "
        "until this is over.",
        next_step="Run `liverank replay --check`, and report what it shows.",
        since_ms=at_ms,
        severity="critical",
        stops_training=True,
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
