"""The state of autopilot: a fold of its events in the log.

Invariant: the state depends only on the events, so that it can be replayed and explained; a killed
process leaves no other trace.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from liverank.autopilot.alarms.alarm import Alarm, is_changed
from liverank.autopilot.history.checked import Checked
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of, reason_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.experiments.release import Release, release_of

_ENDS_TRAINING = ("training_failed", "accepted", "refused")


@dataclass(frozen=True, slots=True)
class AutopilotState:
    """What autopilot is doing, and what it did last; times are Unix ms, None for never."""

    is_paused: bool = False
    paused_because: str = ""
    release: Release | None = None
    """The challenger on trial."""
    training_since_ms: int | None = None
    """Start of a training whose end is not logged: it runs, or was killed."""
    trained_ms: int | None = None
    """Start of the last training that ended with a verdict."""
    failed_ms: int | None = None
    """Time of the last failed training, unless another one ended well since."""
    failed_because: str = ""
    ended_trainings: int = 0
    """Number of trainings whose end is logged, whatever it was."""
    failures: int = 0
    """Number of trainings in a row that failed."""
    released: AutopilotStep | None = None
    """The last release, unless it was taken back since."""
    verdict: AutopilotStep | None = None
    """The last ``accepted`` or ``refused``."""
    candidate: AutopilotStep | None = None
    """The last ``accepted``, as long as its challenger was neither tried nor released."""
    checked_ms: int | None = None
    """Time of the last check of features."""
    checked_alarms: tuple[Alarm, ...] = ()
    """What it found; goes on until the next one."""
    plan: AutopilotStep | None = None
    """The last ``planned``: when a product without history will have a model."""
    letter_ms: int | None = None
    """Time of the last letter."""
    alarms: dict[str, Alarm] = field(default_factory=dict)
    """The alarms that go on, by their keys."""
    alarms_sent_ms: dict[str, int] = field(default_factory=dict)
    """When each of them was sent last."""
    alarms_quiet_ms: dict[str, int] = field(default_factory=dict)
    """Since when those of them that are no longer seen have been quiet."""


def state_of(steps: Iterable[AutopilotStep]) -> AutopilotState:
    """The state after these steps, which are in seq order.

    >>> from liverank.events.autopilot_steps import step_of
    >>> state_of([step_of("paused", at_ms=5, reason="a holiday")]).paused_because
    'a holiday'
    """
    steps = list(steps)
    paused: AutopilotStep | None = None
    last: dict[str, AutopilotStep] = {}
    trainings, alarms = _Trainings(), _Alarms()
    for step in steps:
        last[step.action] = step
        trainings.fold(step)
        if step.action in ("paused", "resumed"):
            paused = step if step.action == "paused" else None
        elif step.action in ("returned", "withdrawn"):
            last.pop("released", None)
        elif step.action.startswith("alarm_"):
            alarms.fold(step)
    checked_ms, checked_alarms = _checked(last.get("checked"))
    letter, failed, started = last.get("letter_written"), trainings.failed, trainings.started
    return AutopilotState(
        is_paused=paused is not None,
        paused_because="" if paused is None else reason_of(paused),
        release=release_of(steps),
        training_since_ms=None if started is None else started.at_ms,
        trained_ms=trainings.trained_ms,
        failed_ms=failed[-1].at_ms if failed else None,
        failed_because=reason_of(failed[-1]) if failed else "",
        ended_trainings=trainings.ended,
        failures=len(failed),
        released=last.get("released"),
        verdict=trainings.verdict,
        candidate=trainings.candidate,
        checked_ms=checked_ms,
        checked_alarms=checked_alarms,
        plan=last.get("planned"),
        letter_ms=None if letter is None else letter.at_ms,
        alarms=alarms.going_on,
        alarms_sent_ms=alarms.sent_ms,
        alarms_quiet_ms=alarms.quiet_ms,
    )


def steps_in(log: Log) -> list[AutopilotStep]:
    """All events of autopilot in a log, in seq order. Raises LogError and its kinds."""
    events = (one.event for one in log.autopilot_steps())
    return [event for event in events if isinstance(event, AutopilotStep)]


def _checked(step: AutopilotStep | None) -> tuple[int | None, tuple[Alarm, ...]]:
    """The time of a check and what it found."""
    if step is None:
        return None, ()
    try:
        return step.at_ms, detail_of(step, Checked).alarms
    except EventError:
        return step.at_ms, ()  # of another version of liverank


class _Trainings:
    """The trainings, and the challenger that waits for its trial."""

    def __init__(self) -> None:
        self.started: AutopilotStep | None = None
        self.trained_ms: int | None = None
        self.verdict: AutopilotStep | None = None
        self.candidate: AutopilotStep | None = None
        self.failed: list[AutopilotStep] = []
        self.ended = 0

    def fold(self, step: AutopilotStep) -> None:
        """Add a step of any kind."""
        if step.action in ("accepted", "refused", "paused"):
            self.candidate = step if step.action == "accepted" else None
        elif self.candidate is not None and step.model == self.candidate.model:
            self.candidate = None
        if step.action == "training_started":
            self.started = step
        elif step.action == "training_failed":
            self.failed.append(step)
        elif step.action in ("accepted", "refused"):
            self.trained_ms = step.at_ms if self.started is None else self.started.at_ms
            self.verdict = step
            self.failed.clear()
        if step.action in _ENDS_TRAINING:
            self.started = None
            self.ended += 1


class _Alarms:
    """The alarms that go on, by their keys."""

    def __init__(self) -> None:
        self.going_on: dict[str, Alarm] = {}
        self.sent_ms: dict[str, int] = {}
        self.quiet_ms: dict[str, int] = {}

    def fold(self, step: AutopilotStep) -> None:
        """Add a step about an alarm."""
        try:
            alarm = detail_of(step, Alarm)
        except EventError:
            return  # of another version of liverank
        known = self.going_on.get(alarm.key)
        if step.action == "alarm_ended":
            for of_key in (self.going_on, self.sent_ms, self.quiet_ms):
                of_key.pop(alarm.key, None)
        elif step.action == "alarm_quiet":
            if known is not None:
                self.quiet_ms[alarm.key] = step.at_ms
        else:
            self.going_on[alarm.key] = alarm
            is_worse = known is not None and known.severity != alarm.severity == "critical"
            is_unsent = known is not None and is_changed(known, alarm)
            if self.quiet_ms.pop(alarm.key, None) is not None:
                is_unsent = True
            if is_worse or not is_unsent:
                self.sent_ms[alarm.key] = step.at_ms
