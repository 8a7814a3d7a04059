"""The events of alarms that must outlive ``log.keep``: of those that go on, and of users.

Invariant: an alarm that the remaining events describe as before has none.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.state import state_of
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep


def carried_alarms(
    aged: Iterable[tuple[AutopilotStep, int]], before_ms: int
) -> list[AutopilotStep]:
    """The steps to append again; ``aged`` are steps and when they expire, in seq order."""
    by_key: dict[str, list[tuple[AutopilotStep, int]]] = {}
    for step, expires_by_ms in aged:
        alarm = _alarm_of(step)
        if alarm is not None:
            by_key.setdefault(alarm.key, []).append((step, expires_by_ms))
    return [step for own in by_key.values() for step in _carried_of_key(own, before_ms)]


def _alarm_of(step: AutopilotStep) -> Alarm | None:
    if not step.action.startswith("alarm_"):
        return None
    try:
        return detail_of(step, Alarm)
    except EventError:
        return None  # of another version of liverank


def _carried_of_key(
    own: Sequence[tuple[AutopilotStep, int]], before_ms: int
) -> Sequence[AutopilotStep]:
    """The fewest of the last steps of one alarm after which it is what it was."""
    steps = [step for step, _ in own]
    kept = [step for step, expires_by_ms in own if expires_by_ms >= before_ms]
    target = _folds(steps, before_ms)
    if _folds(kept, before_ms) == target:
        return ()
    for start in reversed(range(len(steps))):
        newest = steps[start:]
        # A first step that comes twice is sent, also where the alarm seems to be quiet.
        for more in (newest, [newest[0], *newest]):
            carried = [*_of_users(steps[:start], [*kept, *more]), *more]
            if _folds([*kept, *carried], before_ms) == target:
                return carried
    return steps


def _folds(steps: Sequence[AutopilotStep], before_ms: int) -> tuple[Any, ...]:
    """What the steps of one alarm say: whether it goes on, its users, and the times left out."""
    state = state_of(steps)
    return (
        *(state.alarms, state.alarms_sent_ms, state.alarms_quiet_ms),
        _users_of(steps),
        sorted(set(_ended_since(steps, before_ms))),
    )


def _users_of(steps: Iterable[AutopilotStep]) -> set[str]:
    """The users that are left out by these steps, as ``run_loop.exclusions`` reads them."""
    alarms = (_alarm_of(step) for step in steps if step.action != "alarm_quiet")
    return {user for alarm in alarms if alarm is not None for user in alarm.users}


def _of_users(
    older: Sequence[AutopilotStep], others: Sequence[AutopilotStep]
) -> Iterator[AutopilotStep]:
    """The older steps that name users whom no other step names."""
    named = _users_of(others)
    for step in older:
        users = _users_of([step])
        if not users <= named:
            named |= users
            yield step


def _ended_since(steps: Sequence[AutopilotStep], before_ms: int) -> Iterator[int]:
    """The ends, since a time, of stretches that are not learned from and whose start is known."""
    is_open = False
    for step in steps:
        alarm = _alarm_of(step)
        if alarm is None or step.action == "alarm_quiet":
            continue
        if step.action == "alarm_raised" and alarm.stops_training:
            is_open = True
        elif is_open:
            is_open = False
            if step.at_ms >= before_ms:
                yield step.at_ms
