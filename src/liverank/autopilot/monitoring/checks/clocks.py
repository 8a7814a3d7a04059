"""Clocks that are off: times that are apart from their arrival by a multiple of half an hour."""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.view import View, last, names_of

LEAST_SHARE = 0.2
"""Share of a stream's events that must have moved to one and the same delay."""
ENDS_BELOW = 0.05
_LEAST_EVENTS = 30
"""Events over which the share is taken; so many hours, two at least, are looked at together."""
_MOST_HOURS = 12


def clocks(view: View) -> Iterator[Alarm]:
    """Streams whose times moved; several types of interaction are one alarm."""
    moved: dict[tuple[str, str], tuple[int, float, int]] = {}
    for event, stream in sorted({one[1:3] for one in view.table.names("delay")}):
        key = _key(event, stream)
        found = _moved(view, event, stream, is_on=key in view.active or _ALL in view.active)
        if found is not None:
            moved[event, stream] = found
    interactions = [stream for event, stream in moved if event == "interaction"]
    if len(interactions) > 1:
        largest = max((moved["interaction", one] for one in interactions), key=lambda one: one[1])
        yield _alarm(view, _ALL, "interactions", largest)
    for (event, stream), found in moved.items():
        if event != "interaction" or len(interactions) == 1:
            yield _alarm(view, _key(event, stream), f"`{stream}` events", found)


_ALL = "clock:interactions"


def _key(event: str, stream: str) -> str:
    return f"clock:{stream}" if event == "interaction" else f"clock:{event}"


def _moved(view: View, event: str, stream: str, *, is_on: bool) -> tuple[int, float, int] | None:
    """The half hours by which events moved, the share of them that did, and since how long."""
    beginning = ("delay", event, stream)
    names = names_of(view.table, *beginning)
    counts = {name[3]: view.of(*name) for name in names}
    total = np.sum(list(counts.values()), axis=0)
    hours = 2
    while last(total, hours) < _LEAST_EVENTS:
        hours += 1
        if hours > min(_MOST_HOURS, view.hours - 24):
            return None
    if view.hours < 24 + hours:
        return None
    is_past = ~view.is_odd
    is_past[-hours:] = False
    before = max(total[is_past].sum(), 1.0)
    best: tuple[int, float, int] | None = None
    for name, count in counts.items():
        if name in ("0", "other"):
            continue
        usual = count[is_past].sum() / before
        share = last(count, hours) / last(total, hours) - usual
        newest = last(count, 1) / max(last(total, 1), 1.0) - usual
        least = ENDS_BELOW if is_on else LEAST_SHARE
        if min(share, newest if last(total, 1) >= 5 else share) < least:
            continue
        if best is None or share > best[1]:
            best = int(name), share, _hours_since(count, total, usual + LEAST_SHARE / 2)
    return best


def _hours_since(count: np.ndarray, total: np.ndarray, least: float) -> int:
    """For how many hours the share was above ``least``, one at least."""
    hours = 1
    while hours < len(count) and count[-hours - 1] > least * max(total[-hours - 1], 1.0):
        hours += 1
    return hours


def _alarm(view: View, key: str, what: str, found: tuple[int, float, int]) -> Alarm:
    half_hours, share, hours = found
    size = f"{abs(half_hours) / 2:g} h"
    way = "behind" if half_hours > 0 else "ahead"
    return Alarm(
        key=key,
        kind="clock",
        title=f"{100 * share:.0f} % of the {what} have times that are {size} {way}",
        cause=(
            "A clock or a time zone is wrong on the devices or servers that set these times: they "
            "differ from their arrival by a whole number of half hours."
        ),
        consequence=(
            "Successes fall before their lists or out of the label's window, so nothing is learned "
            "from these hours; lists go on as before."
        ),
        next_step="Find the client or server whose `time` is in local time or set wrong; send UTC.",
        since_ms=view.since_ms(key, hours),
        severity="critical",
        stops_training=True,
    )
