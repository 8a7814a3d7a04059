"""Fields whose values are of another type than before: a number that is a text, a list no more."""

import re
from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import Series
from liverank.autopilot.monitoring.view import View, last, names_of

LEAST_SHARE = 0.3
"""Share of the values of the newest hours that must be of the other type."""
USUAL = 0.02
"""A type that more of the past's values had is nothing new."""
_LEAST_VALUES = 8
"""Values over which the share is taken; so many hours, two at least, are looked at together."""
_LEAST_PAST = 50
_MOST_HOURS = 12
_LEAST_REFUSED = 0.01
"""Share of all events that must be refused in each of two hours."""
_FIELD = re.compile(r"`\$\.fields\.([^`\[]+)")
_ENTITY = re.compile(r"`(items|users|requests)\.")


def field_types(view: View) -> Iterator[Alarm]:
    """Fields whose type changed, in the log or in what the server refused."""
    found: set[str] = set()
    for field in sorted({name[1] for name in view.table.names("type")}):
        alarm = _changed(view, field)
        if alarm is not None:
            found.add(field.partition(".")[2])
            yield alarm
    yield from _refused(view, found)


def _changed(view: View, field: str) -> Alarm | None:
    counts = {name[2]: view.of(*name) for name in names_of(view.table, "type", field)}
    total = np.sum(list(counts.values()), axis=0)
    hours = 2
    while last(total, hours) < _LEAST_VALUES:
        hours += 1
        if hours > min(_MOST_HOURS, view.hours - 24):
            return None
    is_past = ~view.is_odd
    is_past[-hours:] = False
    before = total[is_past].sum()
    if before < _LEAST_PAST:
        return None
    usual = max(counts, key=lambda kind: float(counts[kind][is_past].sum()))
    key = f"field_type:{field}"
    least = LEAST_SHARE / 3 if key in view.active else LEAST_SHARE
    for kind, count in counts.items():
        share = last(count, hours) / last(total, hours)
        is_new = count[is_past].sum() <= USUAL * before
        if kind == usual or not is_new or share < least:
            continue
        if last(total, 1) >= _LEAST_VALUES and last(count, 1) < least * last(total, 1):
            continue
        return _alarm(
            view,
            key,
            f"`{field}` is {kind} in {100 * share:.0f} % of its events, and was {usual}",
            _hours_since(count, _MOST_HOURS),
        )
    return None


def _hours_since(count: Series, most_gap: int) -> int:
    """For how many hours values of the new type have come, with gaps of ``most_gap`` hours."""
    hours, gap = 1, 0
    for back in range(1, len(count) + 1):
        if count[-back] > 0:
            hours, gap = back, 0
        else:
            gap += 1
            if gap >= most_gap:
                break
    return hours


def _refused(view: View, found: set[str]) -> Iterator[Alarm]:
    """Events that servers refused, by the field that their reason names."""
    refused, taken = view.of("server", "rejected"), view.of("server", "accepted")
    if view.hours < 2 or not refused[-1] > 0:
        return
    shares = refused[-2:] / np.maximum(refused[-2:] + taken[-2:], 1.0)
    reasons = names_of(view.table, "refused")
    newest = [name[1] for name in reasons if view.of(*name)[-2:].any()]
    if shares.min() < _LEAST_REFUSED or not newest:
        return
    share, reason = float(shares[-1]), newest[0]
    field = _FIELD.search(reason)
    hours = int(np.argmin(np.concatenate([refused[::-1] > 0, [False]])))
    if field is not None:
        name = field[1]
        if name in found:
            return
        entity = _entity_of(view, reason, name)
        title = f"{100 * share:.1f} % of the events are refused: `{entity}.{name}` changed its type"
        yield _alarm(view, f"field_type:{entity}.{name}", title, hours)
        return
    yield Alarm(
        key="refused_events",
        kind="refused_events",
        title=f"{100 * share:.1f} % of the events are refused: {reason}",
        cause="A release of the app or of a server sends events that break a rule.",
        consequence="What is refused is lost: it is in no feature and in no training.",
        next_step="Mend the sender; `liverank validate` explains each rule.",
        since_ms=view.since_ms("refused_events", hours),
        severity="critical" if share > LEAST_SHARE else "warning",
        stops_training=share > LEAST_SHARE,
    )


def _entity_of(view: View, reason: str, field: str) -> str:
    """Whose field it is: as the reason says, else the first that declares one of that name."""
    named = _ENTITY.search(reason)
    if named is not None:
        return named[1]
    config = view.config
    for entity, one in (("items", config.items), ("users", config.users)):
        if field in one.fields:
            return entity
    return "requests"


def _alarm(view: View, key: str, title: str, hours: int) -> Alarm:
    return Alarm(
        key=key,
        kind="field_type",
        title=title,
        cause="A release of what sends this field writes it in another way.",
        consequence=(
            "Features of this field are missing or wrong, so nothing is learned from these hours; "
            "lists go on, with less to go by."
        ),
        next_step="Send the field as before, or declare its new type in liverank.toml and retrain.",
        since_ms=view.since_ms(key, hours),
        severity="critical",
        stops_training=True,
    )
