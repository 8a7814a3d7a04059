"""The results of a proof of upkeep as data, from which tables and pages are written."""

import msgspec


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the results."""


class Week(_Part, frozen=True):
    """One week of all people outside the holdout, in each world; truth of the simulator."""

    number: int
    """From 1."""
    popular: float
    """Joins per impression where all people get the most popular list."""
    autopilot: float
    trained_once: float | None
    """The first model of autopilot, and no later one; None before it was released."""
    oracle: float
    autopilot_share: float | None
    """Share of the oracle's lift over the most popular list; None where it has no lift."""
    trained_once_share: float | None


class ReleaseRow(_Part, frozen=True):
    """A decision of autopilot about a model."""

    day: float
    action: str
    version: str | None
    reason: str


class AlarmRow(_Part, frozen=True):
    """An alarm, and how long it went on."""

    day: float
    title: str
    key: str
    """Identity of the trouble, e.g. ``volume:impression``."""
    hours: float | None
    """None where it went on at the end."""


class FaultRow(_Part, frozen=True):
    """A fault that was injected, and what autopilot made of it."""

    kind: str
    from_day: float
    days: float
    alarm: str | None
    """Title of the first alarm of the right kind; None where none was raised."""
    hours_to_alarm: float | None


class UpkeepResult(_Part, frozen=True):
    """A proof of upkeep."""

    seed: int
    people: int
    days: int
    weeks: tuple[Week, ...]
    decisions: tuple[ReleaseRow, ...]
    alarms: tuple[AlarmRow, ...]
    faults: tuple[FaultRow, ...]
    letters: tuple[str, ...]
    """Names of the letters' files, the oldest first."""
    trainings: int
    seconds: float
    """Wall-clock time of all."""
    training_seconds: float
    project: str | None = None
    """Folder of the project, where it is kept."""
