"""Values of a category that are gone, or new ones that take a large share."""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import Series
from liverank.autopilot.monitoring.gaps import long_gap
from liverank.autopilot.monitoring.view import View, last, names_of

LEAST_SHARE = 0.01
"""Values with less of the past are not missed."""
NEW_SHARE = 0.2
"""Share of the last day's values from which a value that was never there before is an alarm."""
_DAY, _MOST_PAST = 24, 0.001


def categories(view: View) -> Iterator[Alarm]:
    """Values that are gone or new, of each category field."""
    if view.hours < 2 * _DAY:
        return
    for field in sorted({name[1] for name in view.table.names("value")}):
        counts = {name[2]: view.of(*name) for name in names_of(view.table, "value", field)}
        total = np.sum(list(counts.values()), axis=0)
        for value, count in counts.items():
            yield from _gone(view, f"{field}={value}", count, total)
            yield from _new(view, f"{field}={value}", count, total)


def _gone(view: View, what: str, count: Series, total: Series) -> Iterator[Alarm]:
    happened = np.flatnonzero(count > 0)
    if len(happened) == 0:
        return
    until = int(happened[-1]) + 1
    share = float(count[:until].sum() / total[:until].sum())
    if share < LEAST_SHARE:
        return
    gap = long_gap(count, share * total, view.is_odd)
    if gap is None:
        return
    hours, expected = gap
    field, value = what.split("=", 1)
    key = f"category:{what}"
    yield Alarm(
        key=key,
        kind="category",
        title=(
            f"`{field}` = `{value}` is gone: none in {hours} h, where {expected:,.0f} were expected"
        ),
        cause=(
            f"Events with this value no longer arrive or are sent with another one: it had "
            f"{100 * share:.0f} % of all before."
        ),
        consequence=(
            "What is not announced is in no list, so the people who want it find less; models go "
            "on as before."
        ),
        next_step="Look at the source of these events, and at releases of that time.",
        since_ms=view.since_ms(key, hours),
        severity="critical",
    )


def _new(view: View, what: str, count: Series, total: Series) -> Iterator[Alarm]:
    key = f"category:{what}"
    now, before = last(total, _DAY), float(total[:-_DAY].sum())
    if now < 50 or before < 500:
        return
    past = float(count[:-_DAY].sum()) / before
    share = last(count, _DAY) / now
    known = view.active.get(key)
    if share < NEW_SHARE or (past > _MOST_PAST and known is None) or past > NEW_SHARE / 4:
        return
    field, value = what.split("=", 1)
    yield Alarm(
        key=key,
        kind="category",
        title=f"`{field}` = `{value}` is new, and has {100 * share:.0f} % of a day's events",
        cause="Another name for a value that was there before, or a new market.",
        consequence="No model has seen this value; it is learned with the next training.",
        next_step="If it is another name for an old value, send the old one.",
        since_ms=view.since_ms(key, _DAY),
    )
