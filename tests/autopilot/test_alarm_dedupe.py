"""Few messages about alarms: an outage of any shape is one beginning, some repeats and one end."""

import random

import pytest

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.dedupe import QUIET_MS, changes
from liverank.autopilot.alarms.message import messages_of
from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.events.log import Log

HOUR = 3_600_000
DAY = 24 * HOUR


def alarm(key: str = "volume:impression", **changed) -> Alarm:
    return Alarm(
        **{
            "key": key,
            "kind": "volume",
            "title": "Impressions fell by 60 %",
            "cause": "A release of the app sends none.",
            "consequence": "Nothing is learned from these hours.",
            "next_step": "Ask who released the app at 10:00.",
            "since_ms": HOUR,
            **changed,
        }
    )


def looks(seen: dict[int, list[Alarm]], hours: int, repeat_ms: float = DAY):
    """Hourly looks, each with the state that the log of the looks before gives."""
    steps, messages = [], []
    for hour in range(hours):
        found = changes(state_of(steps), seen.get(hour, []), at_ms=hour * HOUR, repeat_ms=repeat_ms)
        steps += found.steps
        messages += [(hour, one.kind) for one in messages_of(found, at_ms=hour * HOUR)]
    return steps, messages


def test_an_alarm_that_goes_on_is_sent_once_a_day_and_once_when_it_is_over() -> None:
    _, messages = looks({hour: [alarm()] for hour in range(2, 30)}, 60)
    assert messages == [
        (2, "alarm_raised"),
        (26, "alarm_repeated"),
        (30 + QUIET_MS // HOUR, "alarm_ended"),
    ]


def test_one_that_flaps_is_one_message_until_it_stays_away() -> None:
    flapping = {hour: [alarm()] for hour in (1, 3, 4, 6, 8, 9, 11)}
    steps, messages = looks(flapping, 20)
    assert messages == [(1, "alarm_raised"), (15, "alarm_ended")]
    assert [step.action for step in steps].count("alarm_ended") == 1
    assert not state_of(steps).alarms


def test_a_warning_that_becomes_critical_is_sent_at_once_and_only_once() -> None:
    seen = {1: [alarm()], 2: [alarm(severity="critical")], 3: [alarm(severity="critical")]}
    _, messages = looks(seen, 4)
    assert messages == [(1, "alarm_raised"), (2, "alarm_raised")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"stops_training": True}),
        ({"stops_training": True}, {}),
        ({"severity": "critical"}, {}),
        ({"users": ("u1",)}, {"users": ("u1", "u2")}),
    ],
)
def test_what_follows_from_one_that_goes_on_is_logged_at_once_and_not_sent(before, after) -> None:
    seen = {hour: [alarm(**(before if hour < 3 else after))] for hour in range(1, 26)}
    steps, messages = looks(seen, 26)
    assert messages == [(1, "alarm_raised"), (25, "alarm_repeated")]
    assert [step.at_ms // HOUR for step in steps] == [1, 3, 25]
    assert state_of(steps).alarms["volume:impression"] == alarm(**after)
    assert state_of(steps[:2]).alarms_sent_ms == {"volume:impression": HOUR}


def test_one_that_changes_as_its_repeat_is_due_is_repeated_all_the_same() -> None:
    seen = {hour: [alarm(stops_training=hour >= 25)] for hour in range(1, 30)}
    steps, messages = looks(seen, 30)
    assert messages == [(1, "alarm_raised"), (25, "alarm_repeated")]
    assert state_of(steps).alarms_sent_ms == {"volume:impression": 25 * HOUR}


def test_fewer_users_and_other_numbers_are_no_change() -> None:
    seen = {1: [alarm(users=("u1", "u2"))], 2: [alarm(users=("u2",), title="7 %")]}
    steps, _ = looks(seen, 3)
    assert len(steps) == 1


def test_one_that_returns_worse_is_sent_although_it_had_only_fallen_quiet() -> None:
    seen = {1: [alarm()], 3: [alarm(severity="critical")], 4: [alarm(severity="critical")]}
    steps, messages = looks(seen, 5)
    assert messages == [(1, "alarm_raised"), (3, "alarm_raised")]
    assert state_of(steps).alarms_sent_ms == {"volume:impression": 3 * HOUR}


def test_the_most_severe_of_one_key_counts_and_critical_ones_come_first() -> None:
    now = [alarm("b"), alarm("c"), alarm("c", severity="critical", title="worse")]
    found = changes(AutopilotState(), now, at_ms=0, repeat_ms=DAY)
    assert [(one.key, one.severity) for one in found.raised] == [
        ("c", "critical"),
        ("b", "warning"),
    ]
    assert found == changes(AutopilotState(), now[::-1], at_ms=0, repeat_ms=DAY)


@pytest.mark.parametrize("seed", range(30))
def test_at_any_look_people_know_what_goes_on_and_are_seldom_disturbed(seed: int) -> None:
    """Against the plain rule: an outage is a stretch of hours without a gap of QUIET_MS."""
    draw = random.Random(seed)
    hours = [hour for hour in range(1, 100) if draw.random() < draw.choice([0.1, 0.5, 0.9])]
    _, messages = looks({hour: [alarm()] for hour in hours}, 110)
    quiet = QUIET_MS // HOUR + 1  # the first look without it begins the quiet time
    expected, last, sent = [], None, 0
    for hour in hours:
        if last is not None and hour - last > quiet:
            expected.append((last + quiet, "alarm_ended"))
            last = None
        if last is None:
            expected.append((hour, "alarm_raised"))
            sent = hour
        elif hour - sent >= 24 and hour - last == 1:  # the look of a return sends nothing
            expected.append((hour, "alarm_repeated"))
            sent = hour
        last = hour
    if last is not None and last + quiet < 110:
        expected.append((last + quiet, "alarm_ended"))
    assert messages == expected


def test_a_new_process_knows_from_the_log_what_was_sent(tmp_path) -> None:
    with Log.open(tmp_path) as log:
        first = changes(state_of(steps_in(log)), [alarm()], at_ms=1_800_000_000_000, repeat_ms=DAY)
        log.append(list(first.steps), arrived_ms=1_800_000_000_000)
    with Log.open(tmp_path) as log:
        later = 1_800_000_000_000 + HOUR
        again = changes(state_of(steps_in(log)), [alarm()], at_ms=later, repeat_ms=DAY)
    assert [one.key for one in first.raised] == ["volume:impression"]
    assert again.steps == ()
