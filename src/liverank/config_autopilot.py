"""The table ``[autopilot]`` of liverank.toml: how a deployment keeps itself up to date.

Checks beyond the types of single values are in ``config_rules``.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from liverank.quantities import FiniteDuration, FiniteDurationOrNever, duration_ms, size_bytes

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"
]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error."""


class Email(_Table, frozen=True):
    """E-mail by SMTP."""

    to: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)]
    host: Word
    from_: Word = msgspec.field(name="from", default="liverank@localhost")
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Word | None = None
    password_variable: Word | None = None
    """Name of the environment variable that holds the password; it never stands in a file."""


class Alarms(_Table, frozen=True):
    """Where alarms and letters go, besides the log and the server's own log."""

    webhook: Word | None = None
    """URL that gets a POST of plain JSON."""
    slack: Word | None = None
    """URL of a Slack-shaped webhook, which gets ``{"text": ...}``."""
    email: Email | None = None
    command: tuple[Word, ...] = ()
    """A command and its arguments; it gets the alarm as JSON on stdin."""
    repeat: FiniteDuration = "1d"
    """Time after which an alarm that goes on is sent again."""


class Autopilot(_Table, frozen=True):
    """How a deployment trains, releases and watches models by itself."""

    retrain: FiniteDurationOrNever = "1d"
    """Time between two trainings; or ``"never"``, to watch only."""
    judge_on: FiniteDuration = "2d"
    """The newest lists, which the challenger is not trained on but judged on."""
    within: FiniteDuration = "2h"
    """Wall time of a training, with its judging; it is stopped when it takes longer."""
    memory: str | None = None
    """Memory of a training, which is stopped when it takes more; half of the machine's if none."""
    shadow: FiniteDuration = "1h"
    """Least time in shadow: the challenger scores requests, and serves nothing."""
    canary: FiniteDuration = "1d"
    """Least time in canary: the challenger serves ``canary_share`` of the people."""
    canary_share: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.1
    probation: FiniteDuration = "1d"
    """Time after a release in which it goes back at the first clear sign of harm."""
    holdout: Share = 0.0
    """Share of people who always get the most popular list, to measure what the model is worth."""
    explore: Share = 0.1
    """Share of lists in random order while there was no model yet, to learn from."""
    keep: Annotated[int, msgspec.Meta(ge=2)] = 10
    """Newest bundles to keep; those in service, in trial and before them are always kept."""
    letter: Weekday = "monday"
    """Day on which the letter of the week before is written (UTC)."""
    alarms: Alarms = Alarms()

    @property
    def retrain_ms(self) -> float | None:
        """Milliseconds between two trainings; None for never."""
        return None if self.retrain == "never" else duration_ms(self.retrain)

    @property
    def memory_bytes(self) -> int | None:
        """The memory of a training in bytes; None where the config has none."""
        return None if self.memory is None else size_bytes(self.memory)
