"""When a training is due, and on which lists it is judged.

Invariant: these are pure functions of the state, the config and the time.
"""

from collections.abc import Sequence

from liverank.autopilot.history.state import AutopilotState
from liverank.config_autopilot import Autopilot

DAY_MS = 86_400_000
RETRY_MS = 3_600_000
"""Time after a failed training until the next one, at least."""


def why_no_training(state: AutopilotState, settings: Autopilot, *, at_ms: int) -> str | None:
    """Why no training begins now, in a sentence; None where one is due.

    >>> why_no_training(AutopilotState(), Autopilot(), at_ms=5) is None
    True
    >>> why_no_training(AutopilotState(is_paused=True), Autopilot(), at_ms=5)
    'autopilot is paused'
    """
    every_ms = settings.retrain_ms
    if every_ms is None:
        return '`autopilot.retrain` is "never"'
    if state.is_paused:
        return "autopilot is paused"
    if state.training_since_ms is not None:
        return "a training runs"
    if state.release is not None:
        return f"challenger {state.release.version} is on trial"
    stopping = [alarm.title for alarm in state.alarms.values() if alarm.stops_training]
    if stopping:
        return f"nothing must be learned from while this lasts: {'; '.join(stopping)}"
    if state.failed_ms is not None and at_ms < state.failed_ms + RETRY_MS:
        return "the last training failed less than an hour ago"
    if state.trained_ms is not None and at_ms < state.trained_ms + every_ms:
        return f"the last training was less than {settings.retrain} ago"
    return None


def judged_from_ms(
    judge_ms: float,
    *,
    oldest_ms: int,
    at_ms: int,
    stretches_ms: Sequence[tuple[int, int]] = (),
) -> int:
    """From when on lists judge the challenger: the newest ``judge_ms`` that are not left out.

    It is at most 3/10 of the history, in which stretches that are left out do not count either;
    ``stretches_ms`` are in order of time and do not overlap.

    >>> judged_from_ms(100, oldest_ms=0, at_ms=1000), judged_from_ms(900, oldest_ms=0, at_ms=1000)
    (900, 700)
    >>> judged_from_ms(100, oldest_ms=0, at_ms=1000, stretches_ms=[(850, 950)])
    800
    """
    left_out = sum(max(until - max(since, oldest_ms), 0) for since, until in stretches_ms)
    missing = min(judge_ms, 0.3 * (at_ms - oldest_ms - left_out))
    end = at_ms
    for since, until in reversed(stretches_ms):
        if missing <= end - until:
            break
        missing -= max(end - until, 0)
        end = min(end, since)
    return int(end - missing)
