"""One alarm: a cause, a consequence and a next step.

Invariant: the same trouble has the same ``key`` as long as it lasts, whatever its numbers.
"""

import re
from typing import Literal, TypeAlias

import msgspec

AlarmKind: TypeAlias = Literal[
    "volume",
    "freshness",
    "field_type",
    "refused_events",
    "category",
    "clock",
    "bot",
    "label",
    "calibration",
    "drift",
    "skew",
    "fallbacks",
    "harm",
    "sample_ratio",
    "disk",
    "memory",
    "training",
]


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong now."""

    key: str
    """The identity of the trouble, e.g. ``volume:impression``."""
    kind: AlarmKind
    title: str
    """One line that names what is wrong, with its number."""
    cause: str
    """The likeliest cause, in one sentence."""
    consequence: str
    """What follows for the lists that people see, and what autopilot does about it."""
    next_step: str
    """What a person should do."""
    since_ms: int
    """When the trouble began, as far as is known, Unix ms."""
    severity: Literal["warning", "critical"] = "warning"
    stops_training: bool = False
    """Whether nothing must be learned from the events since ``since_ms``."""
    users: tuple[str, ...] = ()
    """Users whose events must not be learned from."""


def is_changed(known: Alarm, now: Alarm) -> bool:
    """Whether what follows from an alarm that goes on is not what the log says of it.

    Its numbers do not count, nor do users that are no longer seen.
    """
    return (
        now.severity != known.severity
        or now.stops_training != known.stops_training
        or not set(now.users) <= set(known.users)
    )


def without_users(text: str, users: tuple[str, ...]) -> str:
    """A text of an alarm without the ids of its users, for what must outlive an erasure.

    >>> without_users("ann joins everything; block `ann`, not anna", ("ann",))
    '(a user) joins everything; block `(a user)`, not anna'
    """
    for user in users:
        text = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "(a user)", text)
    return text
