"""Users who do far more than any person ever did: bots, crawlers, devices gone wild.

A user is one if in an hour there were ``LEAST`` events of a type, and ``TIMES`` as many as anybody
else had in any hour of the last week, and half of that in the hour before. A person's rate is
bounded by hands and eyes, so five times the record of all others of a week is no person.
"""

from collections.abc import Iterator
from typing import NamedTuple

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.view import View

LEAST = 12
TIMES = 5.0
MOST_ALONE = 3
"""More bots than this at once are one alarm."""
LEAST_OTHERS = 10
"""Other people whom a week must have, to compare with."""
_WEEK = 168


class _Records(NamedTuple):
    most: dict[str, int]
    """The most events of each type by one user in an hour."""
    people: set[str]


def bots(view: View) -> Iterator[Alarm]:
    """An alarm for each bot, or one for many."""
    if view.hours < 24:
        return
    found: dict[str, tuple[str, int, int]] = {}
    now, before = view.people.busiest(view.hour), view.people.busiest(view.hour - 1)
    suspects = frozenset(_suspects(now))
    if not suspects and not any(alarm.kind == "bot" for alarm in view.active.values()):
        return
    records = _records(view, suspects | view.bots)
    if len(records.people) < LEAST_OTHERS:
        return
    for stream, users in now.items():
        least = max(LEAST, TIMES * records.most.get(stream, 0))
        for user, count in users.items():
            is_known = any(user in alarm.users for alarm in view.active.values())
            earlier = before.get(stream, {}).get(user, 0)
            if count >= least / (2 if is_known else 1) and (is_known or earlier >= least / 2):
                known = found.get(user, (stream, 0, 0))
                if count > known[1]:
                    found[user] = (stream, count, records.most.get(stream, 0))
    for user in _still(view, before, records) - found.keys():
        found[user] = next(
            (stream, users[user], records.most.get(stream, 0))
            for stream, users in before.items()
            if user in users
        )
    if len(found) > MOST_ALONE:
        stream, count, record = max(found.values(), key=lambda one: one[1])
        title = f"{len(found)} users act like bots: up to {count:,} `{stream}` events in an hour"
        yield _alarm(view, "bot:several", title, record, tuple(sorted(found)))
        return
    for user, (stream, count, record) in sorted(found.items()):
        title = f"User `{user}` made {count:,} `{stream}` events in an hour"
        yield _alarm(view, f"bot:{user}", title, record, (user,))


def _still(view: View, before: dict[str, dict[str, int]], records: _Records) -> set[str]:
    """Known bots that were at it an hour ago: one hour of rest does not end an alarm."""
    known = {user for alarm in view.active.values() if alarm.kind == "bot" for user in alarm.users}
    return {
        user
        for stream, users in before.items()
        for user, count in users.items()
        if user in known and count >= max(LEAST, TIMES * records.most.get(stream, 0)) / 2
    }


def _suspects(now: dict[str, dict[str, int]]) -> set[str]:
    """Users with ``LEAST`` events of some type in this hour, and far above the next one."""
    found = set()
    for users in now.values():
        counts = sorted(users.values())
        for user, count in users.items():
            others = [one for one in counts if one < count / TIMES]
            if count >= LEAST and len(others) >= len(counts) // 2:
                found.add(user)
    return found


def _records(view: View, without: frozenset[str]) -> _Records:
    """What the other users did in the last week."""
    most: dict[str, int] = {}
    people: set[str] = set()
    for hour in range(view.hour - min(_WEEK, view.hours) + 1, view.hour + 1):
        for stream, users in view.people.busiest(hour).items():
            people.update(users)
            busiest = max(
                (count for user, count in users.items() if user not in without), default=0
            )
            most[stream] = max(most.get(stream, 0), busiest)
    return _Records(most, people - without)


def _alarm(view: View, key: str, title: str, record: int, users: tuple[str, ...]) -> Alarm:
    return Alarm(
        key=key,
        kind="bot",
        title=title,
        cause=f"No person acts that fast: the most of anybody else in a week was {record:,}.",
        consequence=(
            "Popularity counts these events, so lists may show what nobody wants; models do not "
            "learn from this user."
        ),
        next_step="Block the account, and erase it with `liverank erase` to undo what it did.",
        since_ms=view.since_ms(key, 2),
        severity="critical",
        users=users,
    )
