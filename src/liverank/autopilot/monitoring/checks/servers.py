"""What servers report: fallbacks that rank instead of the model, disk and memory running out."""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.servers import Amounts, growth_per_hour
from liverank.autopilot.monitoring.view import View, last
from liverank.autopilot.releasing.arms import FALLBACKS

MORE = 0.2
"""Share of fallbacks above the last week's that is an alarm."""
WARNING_DAYS, CRITICAL_DAYS = 7.0, 2.0
"""Days left of disk or memory."""
_LEAST_LISTS, _LEAST_OF_HOUR = 50.0, 5.0
_MOST_HOURS = 12
_WEEK = 168
_OVER_H = 72


def fallbacks(view: View) -> Iterator[Alarm]:
    """Lists by a fallback level, where a model ranked in the week before."""
    if view.servers.is_withdrawn(view.hour):
        return
    total = view.total("level")
    other = total - view.of("level", "model")
    if not total[-_MOST_HOURS:].any():  # no server reports: the log says who ranked
        total = view.total("ranked_by")
        other = np.sum([view.of("ranked_by", one) for one in FALLBACKS], axis=0)
    hours = 2
    while last(total, hours) < _LEAST_LISTS:
        hours += 1
        if hours > min(_MOST_HOURS, view.hours - 24):
            return
    is_past = ~view.is_odd[:-hours]
    before = slice(max(0, len(is_past) - _WEEK), None)
    past = total[:-hours][is_past][before]
    if past.sum() < _LEAST_LISTS:
        return
    usual = float(other[:-hours][is_past][before].sum() / past.sum())
    share = last(other, hours) / last(total, hours)
    is_on = "fallbacks" in view.active
    hourly = other[-2:] / np.maximum(total[-2:], 1.0)
    steady = hourly[-1] if is_on or hourly[-1] >= 0.5 else hourly.min()
    if total[-2:].min() < _LEAST_OF_HOUR:
        steady = share
    if usual > 0.5 or min(share, steady) - usual < (MORE / 2 if is_on else MORE):
        return
    late = last(view.of("server", "late"), hours)
    cause = (
        "The model takes longer than the deadline of the requests: the machine is too busy, or "
        "lists have become longer."
        if late > 0.5 * last(other, hours)
        else "The bundle in service does not load or cannot rank; `/healthz` has the reason."
    )
    yield Alarm(
        key="fallbacks",
        kind="fallbacks",
        title=(
            f"{100 * share:.0f} % of the lists are by a fallback, where {100 * usual:.0f} % were "
            "in the week before"
        ),
        cause=cause,
        consequence="These lists are by popularity or by an older bundle, the same for many.",
        next_step="Look at `/healthz` and at the server's log; `liverank rollback` goes back.",
        since_ms=view.since_ms("fallbacks", hours),
        severity="critical" if share > 0.5 else "warning",
    )


def disk(view: View) -> Iterator[Alarm]:
    """The days until the disk is full, as the log and everything else on it grow."""
    left = [_disk_days(view, view.hour - back) for back in (0, 1)]
    if any(one is None for one in left):
        return
    days = max(one for one in left if one is not None)
    if days > WARNING_DAYS:
        return
    yield Alarm(
        key="disk",
        kind="disk",
        title=f"The disk of the log is full in {days:.1f} days at the present growth",
        cause="The log, or something else on this disk, grows.",
        consequence="When it is full, events are refused and lost; lists go on.",
        next_step="Set `log.keep`, run `liverank compact`, or give the log a larger disk.",
        since_ms=view.since_ms("disk", 2),
        severity="critical" if days < CRITICAL_DAYS else "warning",
    )


def memory(view: View) -> Iterator[Alarm]:
    """The days until memory is full; growth must go on through each of the last two days."""
    spans = [(view.hour - 24, view.hour), (view.hour - 48, view.hour - 24)]
    growths = [
        growth_per_hour((hour, one.memory) for hour, one in _between(view, *span)) for span in spans
    ]
    newest = view.servers.amounts.get(view.hour)
    if newest is None or newest.memory_free is None or any(one is None for one in growths):
        return
    growth = min(one for one in growths if one is not None)
    if growth <= 0 or newest.memory_free / growth / 24 > WARNING_DAYS:
        return
    days = newest.memory_free / growth / 24
    yield Alarm(
        key="memory",
        kind="memory",
        title=f"The server's memory is full in {days:.1f} days at the present growth",
        cause="Feature state grows with new people and items, or something leaks.",
        consequence="The system may end processes of the server; they start again by themselves.",
        next_step="Lower `features.memory`, or give the machine more memory.",
        since_ms=view.since_ms("memory", 48),
        severity="critical" if days < CRITICAL_DAYS else "warning",
    )


def _disk_days(view: View, hour: int) -> float | None:
    """Days left as of an hour; None if unknown, infinite if nothing grows."""
    reports = _between(view, hour - _OVER_H, hour)
    free = next((one.disk_free for _, one in reversed(reports) if one.disk_free is not None), None)
    growths = [
        growth_per_hour((at, one.log) for at, one in reports),
        growth_per_hour((at, -one.disk_free) for at, one in reports if one.disk_free is not None),
    ]
    known = [one for one in growths if one is not None]
    if free is None or not known:
        return None
    growth = max(known)
    return free / growth / 24 if growth > 0 else float("inf")


def _between(view: View, first: int, last_hour: int) -> list[tuple[int, Amounts]]:
    return [
        (at, one) for at, one in sorted(view.servers.amounts.items()) if first <= at <= last_hour
    ]
