"""What autopilot did and found in a period, from its events in the log."""

from collections.abc import Sequence

import msgspec

from liverank.autopilot.alarms.alarm import Alarm, without_users
from liverank.autopilot.letter.letter import Released, Trouble
from liverank.autopilot.letter.period import Period
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of, reason_of
from liverank.events.event import AutopilotStep

WORDS = {
    "accepted": "judged good",
    "refused": "not released",
    "released": "released",
    "dropped": "taken off trial",
    "returned": "taken back",
    "withdrawn": "withdrawn",
    "training_failed": "training failed",
    "paused": "paused",
    "resumed": "resumed",
}
"""The actions that a letter reports, for people."""
_OUTCOMES = ("released", "dropped")


def released_in(steps: Sequence[AutopilotStep], period: Period) -> tuple[Released, ...]:
    """The steps of releasing in a period; one that was accepted and came further counts once."""
    inside = [
        step
        for step in steps
        if step.action in WORDS and period.from_ms <= step.at_ms < period.to_ms
    ]
    came_further = {step.model for step in inside if step.action in _OUTCOMES}
    return tuple(
        Released(
            at_ms=step.at_ms,
            action=step.action,
            words=WORDS[step.action],
            model=step.model,
            reason=reason_of(step),
        )
        for step in inside
        if not (step.action == "accepted" and step.model in came_further)
    )


def troubles_in(steps: Sequence[AutopilotStep], period: Period) -> tuple[Trouble, ...]:
    """The alarms of a period, the critical ones first; the end is when one was last seen.

    No id of a user is in them: a letter outlives the erasure of a user.
    """
    open_: dict[str, tuple[Alarm, int | None]] = {}
    found: list[Trouble] = []
    for step in steps:
        if step.at_ms >= period.to_ms or not step.action.startswith("alarm_"):
            continue
        try:
            alarm = detail_of(step, Alarm)
        except EventError:
            continue  # of another version of liverank
        known = open_.get(alarm.key)
        if step.action == "alarm_raised":
            since_ms = alarm.since_ms if known is None else min(alarm.since_ms, known[0].since_ms)
            open_[alarm.key] = _since(alarm, since_ms), None
        elif step.action == "alarm_quiet" and known is not None:
            open_[alarm.key] = known[0], step.at_ms
        elif step.action == "alarm_ended" and known is not None:
            found.append(_trouble(known[0], known[1] or step.at_ms))
            del open_[alarm.key]
    found += [_trouble(alarm, quiet_ms) for alarm, quiet_ms in open_.values()]
    inside = [one for one in found if one.to_ms is None or one.to_ms > period.from_ms]
    return tuple(sorted(inside, key=lambda one: (one.severity != "critical", one.from_ms)))


def _since(alarm: Alarm, since_ms: int) -> Alarm:
    return msgspec.structs.replace(alarm, since_ms=since_ms)


def _trouble(alarm: Alarm, to_ms: int | None) -> Trouble:
    return Trouble(
        title=without_users(alarm.title, alarm.users),
        severity=alarm.severity,
        from_ms=alarm.since_ms,
        to_ms=to_ms,
        next_step=without_users(alarm.next_step, alarm.users),
    )
