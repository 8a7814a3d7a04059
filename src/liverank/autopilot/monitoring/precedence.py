"""Which alarms are only consequences of others: the deeper cause is shown, the rest is not.

Invariant: an alarm that nothing explains is shown, and training that a hidden one stops is stopped.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import HOUR_MS


class Explains(NamedTuple):
    """An alarm that matches ``cause`` explains those that match one of ``effects``.

    In these, ``{name}`` stands for what follows the colon in the cause.
    """

    cause: str
    effects: tuple[str, ...]
    """A pattern with ``!`` before it is not explained, whatever the other ones say."""


PRECEDENCE = (
    Explains("freshness:events", ("*", "!disk", "!memory")),
    Explains("freshness:ranking", ("volume:*", "freshness:[!ri]*", "label:*", "drift:*")),
    Explains("refused_events", ("volume:*", "freshness:*", "label:*")),
    Explains("field_type:items.*", ("volume:item", "freshness:item", "category:items.*")),
    Explains("field_type:users.*", ("freshness:user", "category:users.*")),
    Explains("field_type:*", ("drift:*", "calibration")),
    Explains("freshness:item", ("volume:*", "category:items.*", "label:*", "drift:*")),
    Explains("clock:*", ("volume:*", "freshness:*", "label:*", "calibration")),
    Explains("volume:impression", ("freshness:impression", "label:*", "calibration", "drift:*")),
    Explains("volume:*", ("freshness:{name}",)),
    Explains("bot:*", ("label:*", "calibration", "drift:*")),
    Explains("label:*", ("volume:*", "freshness:*", "calibration", "drift:*")),
    Explains("category:*", ("volume:item", "drift:*")),
    Explains("fallbacks", ("drift:*", "calibration")),
)
"""From the deepest cause on; the first that fits hides the effect. ``impression`` stands for the
interaction type that the config names so."""
AFTER_MS = {"calibration": 24 * HOUR_MS, "drift": 48 * HOUR_MS}
"""How long an alarm still explains others of a kind after its end; they look at so long a time."""
_AFTER_MS = 3 * HOUR_MS


def shown(
    active: Iterable[Alarm], ended_ms: dict[str, int], *, at_ms: int, impression: str
) -> list[Alarm]:
    """The alarms that no other one explains, which is on or ended shortly before ``at_ms``.

    >>> def alarm(key: str) -> Alarm:
    ...     kind = key.split(":")[0]
    ...     return Alarm(
    ...         key=key, kind=kind, title="", cause="", consequence="", next_step="", since_ms=0
    ...     )
    >>> both = [alarm("label:join"), alarm("clock:interactions")]
    >>> [one.key for one in shown(both, {}, at_ms=0, impression="impression")]
    ['clock:interactions']
    """
    alarms = list(active)
    left: list[Alarm] = []
    hidden: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        causes = [one.key for one in alarms if explains(one.key, alarm.key, impression)]
        over = any(
            explains(key, alarm.key, impression)
            and at_ms - end_ms <= AFTER_MS.get(alarm.kind, _AFTER_MS)
            for key, end_ms in ended_ms.items()
        )
        for cause in causes:
            hidden.setdefault(cause, []).append(alarm)
        if not causes and not over:
            left.append(alarm)
    return [_with_effects(alarm, hidden) for alarm in left]


def _with_effects(alarm: Alarm, hidden: dict[str, list[Alarm]]) -> Alarm:
    """The alarm, which stops training if one of those that it hides does, also by way of others."""
    effects, seen = list(hidden.get(alarm.key, [])), {alarm.key}
    for one in effects:  # grows meanwhile
        if one.key not in seen:
            seen.add(one.key)
            effects += hidden.get(one.key, [])
    stops = [one.since_ms for one in effects if one.stops_training]
    if not stops:
        return alarm
    return msgspec.structs.replace(alarm, stops_training=True, since_ms=min(alarm.since_ms, *stops))


def explains(cause: str, effect: str, impression: str) -> bool:
    """Whether an alarm of one key is the deeper cause of another one's."""
    if cause == f"volume:{impression}":
        cause = "volume:impression"
    rank = _rank(cause, effect)
    back = _rank(effect, cause)
    return rank is not None and (back is None or rank < back)


def _rank(cause: str, effect: str) -> int | None:
    """The row of ``PRECEDENCE`` by which one explains the other."""
    return next(
        (
            row
            for row, one in enumerate(PRECEDENCE)
            if fnmatchcase(cause, one.cause)
            and _fits(effect, one.effects, name=cause.partition(":")[2])
        ),
        None,
    )


def _fits(key: str, patterns: tuple[str, ...], *, name: str) -> bool:
    """Whether a key matches a pattern, and none of those with ``!`` before it.

    >>> [_fits(key, ("*", "!disk"), name="") for key in ("volume:item", "disk")]
    [True, False]
    """
    fitting = [
        pattern.startswith("!")
        for pattern in patterns
        if fnmatchcase(key, pattern.removeprefix("!").replace("{name}", name))
    ]
    return bool(fitting) and not any(fitting)
