"""What is sent: an alarm that began, goes on or ended, a bundle taken back, a letter, or a test.

Invariant: the same message has the same ``id``, by which receivers can drop a repeat.
"""

from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.dedupe import QUIET_MS, Changes
from liverank.events.actions import AutopilotAction
from liverank.events.autopilot_steps import reason_of
from liverank.events.event import AutopilotStep

MessageKind: TypeAlias = Literal[
    "alarm_raised",
    "alarm_repeated",
    "alarm_ended",
    "returned",
    "withdrawn",
    "dropped",
    "letter",
    "test",
]
_BEGINNINGS: dict[MessageKind, str] = {"alarm_repeated": "Still: ", "alarm_ended": "Over: "}
_TAKEN_BACK: dict[AutopilotAction, tuple[MessageKind, str]] = {
    "returned": ("returned", "Bundle {} was taken back"),
    "withdrawn": ("withdrawn", "Bundle {} was taken back, and lists are by popularity"),
    "dropped": ("dropped", "Bundle {} did not pass its trial"),
}


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to the people who run a deployment."""

    kind: MessageKind
    id: str
    at_ms: int
    """When it was written, Unix ms."""
    title: str
    """One line."""
    paragraphs: tuple[str, ...]
    """Plain sentences."""
    severity: Literal["info", "warning", "critical"] = "info"
    alarm: Alarm | None = None
    markdown: str | None = None
    """A letter's whole text."""
    html: str | None = None
    """A letter's whole page."""

    @property
    def subject(self) -> str:
        """The title without marks of code, on one line."""
        return " ".join(self.title.replace("`", "").split())

    @property
    def plain_text(self) -> str:
        """The title and the paragraphs as text."""
        return "\n\n".join((self.title, *self.paragraphs))


def messages_of(changes: Changes, *, at_ms: int) -> tuple[Message, ...]:
    """The messages about what changed.

    >>> alarm = Alarm(
    ...     key="disk",
    ...     kind="disk",
    ...     title="The disk is full in 2 days",
    ...     since_ms=0,
    ...     cause="The log grows.",
    ...     consequence="Events are refused then.",
    ...     next_step="Add a disk.",
    ... )
    >>> [message] = messages_of(Changes(repeated=(alarm,)), at_ms=7_200_000)
    >>> message.title, message.paragraphs[-1]
    ('Still: The disk is full in 2 days', 'Since 1970-01-01 00:00 UTC, for 2 hours.')
    """
    kinds: tuple[tuple[MessageKind, tuple[Alarm, ...]], ...] = (
        ("alarm_raised", changes.raised),
        ("alarm_repeated", changes.repeated),
        ("alarm_ended", changes.ended),
    )
    return tuple(message_of(kind, alarm, at_ms=at_ms) for kind, alarms in kinds for alarm in alarms)


def message_of(kind: MessageKind, alarm: Alarm, *, at_ms: int) -> Message:
    """The message about an alarm that began, goes on or ended at ``at_ms``."""
    lasted = duration_words(at_ms - alarm.since_ms)
    if kind == "alarm_ended":
        paragraphs: tuple[str, ...] = (
            f"It began {utc(alarm.since_ms)}, and was not seen for {duration_words(QUIET_MS)}.",
        )
    else:
        paragraphs = (
            f"Cause: {alarm.cause}",
            f"Consequence: {alarm.consequence}",
            f"Next step: {alarm.next_step}",
            f"Since {utc(alarm.since_ms)}, for {lasted}.",
        )
    return Message(
        kind=kind,
        id=f"{kind}:{alarm.key}:{at_ms}",
        at_ms=at_ms,
        title=f"{_BEGINNINGS.get(kind, '')}{alarm.title}",
        paragraphs=paragraphs,
        severity="info" if kind == "alarm_ended" else alarm.severity,
        alarm=alarm,
    )


def message_of_step(step: AutopilotStep) -> Message:
    """The message about a bundle that was ``returned``, ``withdrawn`` or ``dropped``.

    Raises ValueError for a step of another kind.

    >>> from liverank.events.autopilot_steps import step_of
    >>> message = message_of_step(step_of("dropped", at_ms=5, model="b2", reason="harm in canary"))
    >>> message.title, message.paragraphs, message.severity
    ('Bundle b2 did not pass its trial', ('harm in canary',), 'warning')
    """
    if step.action not in _TAKEN_BACK:
        raise ValueError(
            f"Expected a step that is one of {', '.join(_TAKEN_BACK)}, got `{step.action}`; others "
            "are in the letter"
        )
    kind, title = _TAKEN_BACK[step.action]
    return Message(
        kind=kind,
        id=f"{kind}:{step.model}:{step.at_ms}",
        at_ms=step.at_ms,
        title=title.format(step.model),
        paragraphs=(reason_of(step),),
        severity="warning",
    )


def trial_message(*, at_ms: int) -> Message:
    """A message that only shows that a channel works."""
    return Message(
        kind="test",
        id=f"test:{at_ms}",
        at_ms=at_ms,
        title="liverank can reach you here",
        paragraphs=("This is a test of `liverank autopilot alarms --test`. Nothing is wrong.",),
    )


def utc(at_ms: float) -> str:
    """A time to the minute.

    >>> utc(1_800_000_000_000)
    '2027-01-15 08:00 UTC'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration_words(span_ms: float) -> str:
    """A duration as people write it, in its largest whole unit.

    >>> [duration_words(span) for span in (20_000, 60_000, 5_400_000, 7_200_000, 200_000_000)]
    ['less than a minute', '1 minute', '90 minutes', '2 hours', '2 days']
    """
    for unit_ms, name, least in (
        (86_400_000, "day", 2.0),
        (3_600_000, "hour", 2.0),
        (60_000, "minute", 1.0),
    ):
        if span_ms >= least * unit_ms:
            count = round(span_ms / unit_ms)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
