"""Quiet weeks of three worlds make no alarm; each of six broken worlds makes the right one."""

import copy
from functools import cache
from typing import NamedTuple

import pytest

import watched_world as watched
from liverank.autopilot.alarms.alarm import Alarm, AlarmKind
from liverank.autopilot.monitoring.counts.hours import HOUR_MS
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.simulator.faults import Fault, FaultKind

PEOPLE, DAYS = 600, 21
BROKEN_DAY, MENDED_DAY = 14, 15.5


class Broken(NamedTuple):
    kind: FaultKind
    share: float
    alarm: AlarmKind
    key: str
    hours: int
    """Hours within which it is found."""
    after: int = 8
    """Hours after the end of the fault within which the alarm ends."""


FAULTS = (
    Broken("no_impressions", 0.6, "volume", "volume:impression", 6),
    Broken("no_impressions", 1.0, "volume", "volume:impression", 3),
    Broken("field_type", 1.0, "field_type", "field_type:items.topics", 3),
    Broken("bot", 1.0, "bot", "bot:bot", 3),
    Broken("clock", 1.0, "clock", "clock:interactions", 3),
    Broken("language_gone", 1.0, "category", "category:items.language=es", 24),
    Broken("label_falls", 0.5, "label", "label:join", 14, after=16),
)


@cache
def good_weeks() -> Monitor:
    """A monitor after two good weeks. Copy it."""
    monitor = Monitor(watched.config())
    parts = tuple(
        part for part in watched.steps(1, PEOPLE, DAYS) if part[0] <= watched.day_ms(BROKEN_DAY)
    )
    for alarms in watched.watch(
        monitor,
        watched.frame(parts),
        from_ms=watched.day_ms(0),
        to_ms=watched.day_ms(BROKEN_DAY),
        every_h=24,
    ):
        assert not alarms[1], alarms[1][0].title
    return monitor


def after(fault: Fault | None) -> list[tuple[int, list[Alarm]]]:
    monitor = copy.deepcopy(good_weeks())
    until_ms = watched.day_ms(MENDED_DAY + 1)
    parts = tuple(
        part
        for part in watched.steps(1, PEOPLE, DAYS)
        if watched.day_ms(BROKEN_DAY) < part[0] <= until_ms
    )
    events = watched.frame(parts, () if fault is None else (fault,), first_seq=monitor.seq + 1)
    return watched.watch(monitor, events, from_ms=watched.day_ms(BROKEN_DAY), to_ms=until_ms)


@pytest.mark.parametrize("broken", FAULTS, ids=lambda one: f"{one.kind} {one.share}")
def test_a_broken_world_makes_its_own_alarm_and_no_other_which_ends(broken: Broken) -> None:
    fault = Fault(
        kind=broken.kind,
        share=broken.share,
        from_ms=watched.day_ms(BROKEN_DAY),
        to_ms=watched.day_ms(MENDED_DAY),
    )
    looks = after(fault)
    keys = {alarm.key for _, alarms in looks for alarm in alarms}
    assert keys == {broken.key}
    on = [end_ms for end_ms, alarms in looks if alarms]
    assert on[0] <= fault.from_ms + broken.hours * HOUR_MS
    assert on[-1] <= fault.to_ms + broken.after * HOUR_MS
    first = next(alarms[0] for _, alarms in looks if alarms)
    assert (first.kind, first.severity) == (broken.alarm, "critical")
    assert abs(first.since_ms - fault.from_ms) <= 3 * HOUR_MS
    assert first.users == (("bot",) if broken.kind == "bot" else ())


@pytest.mark.parametrize(("seed", "people"), [(11, 400), (12, 550), (13, 1000)])
def test_three_quiet_weeks_make_no_alarm(seed: int, people: int) -> None:
    events = watched.frame(watched.steps(seed, people, DAYS))
    monitor = Monitor(watched.config())
    week_ms = watched.day_ms(14)
    begin = int(events["arrived"].search_sorted(week_ms))
    looks = watched.watch(
        monitor, events[:begin], from_ms=watched.day_ms(0), to_ms=week_ms, every_h=24
    )
    looks += watched.watch(monitor, events[begin:], from_ms=week_ms, to_ms=watched.day_ms(DAYS))
    assert len(looks) == 14 + 24 * 7
    assert not [alarm.title for _, alarms in looks for alarm in alarms]
