"""Clocks that are off: times that are apart from their arrival by a multiple of half an hour."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import Series
from liverank.autopilot.monitoring.counts.streams import OTHER
from liverank.autopilot.monitoring.view import View, last, names_of

LEAST_SHARE = 0.2
"""Share of a stream's events that must have moved to one and the same delay."""
ENDS_BELOW = 0.05
_LEAST_EVENTS = 30
"""Events over which the share is taken; so many hours, two at least, are looked at together."""
_MOST_HOURS = 12


def clocks(view: View) -> Iterator[Alarm]:
    """Streams whose times moved; interactions are one alarm, unless some types are clearly right.

    A type with few events needs some hours until it is known to have moved or not.
    """
    moved: dict[tuple[str, str], _Moved] = {}
    right: set[str] = set()
    for event, stream in sorted({(one[1], one[2]) for one in view.table.names("delay")}):
        is_on = _key(event, stream) in view.active or _ALL in view.active
        found = _moved(view, event, stream)
        if found is None:
            continue
        if found.share >= (ENDS_BELOW if is_on else LEAST_SHARE):
            moved[event, stream] = found
        elif event == "interaction" and found.share < ENDS_BELOW:
            right.add(stream)
    interactions = [stream for event, stream in moved if event == "interaction"]
    is_all = len(interactions) > 1 or (bool(interactions) and not right)
    if is_all:
        largest = max(
            (moved["interaction", one] for one in interactions), key=lambda one: one.share
        )
        yield _alarm(view, _ALL, "interactions", largest)
    for (event, stream), found in moved.items():
        if event != "interaction" or not is_all:
            yield _alarm(view, _key(event, stream), f"`{stream}` events", found)


class _Moved(NamedTuple):
    half_hours: int
    """The delay to which most events moved."""
    share: float
    """Share of the newest events that did, above the usual one."""
    hours: int
    """For how many hours."""


_ALL = "clock:interactions"


def _key(event: str, stream: str) -> str:
    return f"clock:{stream}" if event == "interaction" else f"clock:{event}"


def _moved(view: View, event: str, stream: str) -> _Moved | None:
    """The delay that has gained most; None if there are too few events to say."""
    names = names_of(view.table, "delay", event, stream)
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
    best = _Moved(0, 0.0, 0)
    for name, count in counts.items():
        if name in ("0", OTHER):
            continue
        usual = float(count[is_past].sum() / before)
        share = last(count, hours) / last(total, hours) - usual
        if last(total, 1) >= 5:
            share = min(share, last(count, 1) / last(total, 1) - usual)
        if share > best.share:
            since = _hours_since(count, total, usual + LEAST_SHARE / 2)
            best = _Moved(int(name), share, since)
    return best


def _hours_since(count: Series, total: Series, least: float) -> int:
    """For how many hours the share was above ``least``, one at least."""
    hours = 1
    while hours < len(count) and count[-hours - 1] > least * max(total[-hours - 1], 1.0):
        hours += 1
    return hours


def _alarm(view: View, key: str, what: str, found: _Moved) -> Alarm:
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
