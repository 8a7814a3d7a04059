"""What autopilot decided and noticed, from its events in the log."""

from collections.abc import Sequence

from liverank.autopilot.alarms.alarm import Alarm
from liverank.events.autopilot_steps import detail_of, reason_of
from liverank.events.event import AutopilotStep
from liverank.proof.upkeep.plan import PlannedFault
from liverank.proof.upkeep.results import AlarmRow, FaultRow, ReleaseRow
from liverank.simulator.faults import FaultKind
from liverank.simulator.world.world import DAY_MS

DECISIONS = (
    "accepted",
    "refused",
    "training_failed",
    "canary_started",
    "released",
    "dropped",
    "returned",
    "withdrawn",
)
_HOUR_MS = 3_600_000
_ALARMS_OF: dict[FaultKind, str] = {
    "no_impressions": "volume:impression",
    "field_type": "field_type:",
    "bot": "bot:",
    "clock": "clock:",
    "language_gone": "category:",
    "label_falls": "label:",
}
"""The beginnings of the keys of alarms that name each fault rightly."""


def decisions_of(steps: Sequence[AutopilotStep], start_ms: int) -> tuple[ReleaseRow, ...]:
    """The decisions about models, in order; days count from ``start_ms``."""
    return tuple(
        ReleaseRow(
            day=_day(step.at_ms, start_ms),
            action=step.action,
            version=step.model,
            reason=reason_of(step),
        )
        for step in steps
        if step.action in DECISIONS
    )


def alarms_of(steps: Sequence[AutopilotStep], start_ms: int) -> tuple[AlarmRow, ...]:
    """The alarms, in order of their beginning; repeated messages are one alarm."""
    begun: dict[str, tuple[int, Alarm]] = {}
    rows: list[tuple[int, Alarm, float | None]] = []
    for step in steps:
        if step.action == "alarm_raised":
            alarm = detail_of(step, Alarm)
            begun.setdefault(alarm.key, (step.at_ms, alarm))
        elif step.action == "alarm_ended":
            key = detail_of(step, Alarm).key
            if key in begun:
                at_ms, alarm = begun.pop(key)
                rows.append((at_ms, alarm, (step.at_ms - at_ms) / _HOUR_MS))
    rows += [(at_ms, alarm, None) for at_ms, alarm in begun.values()]
    return tuple(
        AlarmRow(day=_day(at_ms, start_ms), title=alarm.title, key=alarm.key, hours=hours)
        for at_ms, alarm, hours in sorted(rows, key=lambda row: row[0])
    )


def faults_of(faults: Sequence[PlannedFault], alarms: Sequence[AlarmRow]) -> tuple[FaultRow, ...]:
    """Each fault with the first alarm of the right kind that was raised while it lasted."""
    rows = []
    for fault in faults:
        end = fault.from_day + fault.days
        found = [
            alarm
            for alarm in alarms
            if alarm.key.startswith(_ALARMS_OF[fault.kind])
            and fault.from_day <= alarm.day <= end + 0.5
        ]
        first = found[0] if found else None
        rows.append(
            FaultRow(
                kind=fault.kind,
                from_day=fault.from_day,
                days=fault.days,
                alarm=None if first is None else first.title,
                hours_to_alarm=None if first is None else 24 * (first.day - fault.from_day),
            )
        )
    return tuple(rows)


def _day(at_ms: int, start_ms: int) -> float:
    return round((at_ms - start_ms) / DAY_MS, 3)
