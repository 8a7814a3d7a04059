"""What must not be learned from, by the alarms in the log: stretches of time, and users.

Invariant: the exclusions depend only on the events of autopilot, so that they can be explained.
"""

from collections.abc import Iterable

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.scope import Excluded
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep

MARGIN_MS = 3_600_000
"""Time before an alarm began that is left out too: a trouble is noticed after it has begun."""


def exclusions_of(steps: Iterable[AutopilotStep], *, at_ms: int) -> Excluded:
    """The exclusions after these steps; an alarm that goes on lasts until ``at_ms``.

    >>> from liverank.events.autopilot_steps import step_of
    >>> alarm = Alarm(
    ...     key="bot:u1",
    ...     kind="bot",
    ...     title="",
    ...     cause="",
    ...     consequence="",
    ...     next_step="",
    ...     since_ms=5,
    ...     users=("u1",),
    ... )
    >>> exclusions_of([step_of("alarm_raised", at_ms=9, reason="", detail=alarm)], at_ms=20)
    Excluded(users=frozenset({'u1'}), stretches_ms=())
    """
    users: set[str] = set()
    open_since: dict[str, int] = {}
    stretches: list[tuple[int, int]] = []
    for step in steps:
        if step.action not in ("alarm_raised", "alarm_ended"):
            continue
        try:
            alarm = detail_of(step, Alarm)
        except EventError:
            continue  # of another version of liverank
        users |= set(alarm.users)
        if step.action == "alarm_raised" and alarm.stops_training:
            open_since.setdefault(alarm.key, alarm.since_ms - MARGIN_MS)
        elif alarm.key in open_since:  # it ended, or is only a warning from now on
            stretches.append((open_since.pop(alarm.key), step.at_ms))
    stretches += [(since, at_ms) for since in open_since.values()]
    return Excluded(frozenset(users), _merged(stretches))


def _merged(stretches: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for since, until in sorted(stretches):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return tuple(merged)
