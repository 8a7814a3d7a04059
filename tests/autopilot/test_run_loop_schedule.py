"""What is due when, and what is left out of a training, as tables of cases."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.run_loop.exclusions import MARGIN_MS, exclusions_of
from liverank.autopilot.run_loop.schedule import (
    judged_from_ms,
    why_no_training,
)
from liverank.config_autopilot import Autopilot
from liverank.events.autopilot_steps import step_of
from liverank.experiments.release import Release

HOUR, DAY = 3_600_000, 86_400_000
NOW = int(datetime(2026, 11, 25, 10, tzinfo=UTC).timestamp() * 1000)  # a Wednesday


def alarm(key: str = "volume:join", *, since_ms: int = NOW, **more) -> Alarm:
    texts = dict.fromkeys(("title", "cause", "consequence", "next_step"), key)
    return Alarm(key=key, kind="volume", since_ms=since_ms, **texts, **more)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (AutopilotState(), None),
        (AutopilotState(trained_ms=NOW - DAY), None),
        (AutopilotState(trained_ms=NOW - DAY + 1), "the last training was less than 1d ago"),
        (AutopilotState(is_paused=True), "autopilot is paused"),
        (AutopilotState(training_since_ms=NOW - HOUR), "a training runs"),
        (
            AutopilotState(release=Release(version="b", stage="shadow", since_ms=0, champion="a")),
            "challenger b is on trial",
        ),
        (
            AutopilotState(alarms={"volume:join": alarm(stops_training=True)}),
            "nothing must be learned from while this lasts: volume:join",
        ),
        (AutopilotState(alarms={"disk": alarm("disk")}), None),
        (
            AutopilotState(failed_ms=NOW - HOUR + 1, failures=1),
            "the last training failed less than an hour ago",
        ),
        (AutopilotState(failed_ms=NOW - HOUR, failures=1), None),
    ],
)
def test_a_training_is_due_unless_something_speaks_against_it(state, why):
    assert why_no_training(state, Autopilot(), at_ms=NOW) == why


def test_where_it_only_watches_no_training_is_ever_due():
    assert "never" in str(why_no_training(AutopilotState(), Autopilot(retrain="never"), at_ms=NOW))


def test_at_most_three_tenths_of_a_short_history_judge():
    assert judged_from_ms(2 * DAY, oldest_ms=0, at_ms=10 * DAY) == 8 * DAY
    assert judged_from_ms(2 * DAY, oldest_ms=0, at_ms=2 * DAY) == pytest.approx(1.4 * DAY)


@given(
    st.integers(1, 300),
    st.lists(st.tuples(st.integers(0, 999), st.integers(1, 200)), max_size=5),
)
def test_stretches_that_are_left_out_do_not_count_as_judged_time(judge, drawn):
    hours = sorted({hour for since, length in drawn for hour in range(since, since + length)})
    left_out = [hour for hour in hours if hour < 1000]
    stretches = []
    for hour in left_out:
        if stretches and stretches[-1][1] == hour:
            stretches[-1] = (stretches[-1][0], hour + 1)
        else:
            stretches.append((hour, hour + 1))
    found = judged_from_ms(judge, oldest_ms=0, at_ms=1000, stretches_ms=stretches)
    counted = sum(hour not in set(left_out) for hour in range(found, 1000))
    wanted = min(judge, 0.3 * (1000 - len(left_out)))
    assert wanted <= counted < wanted + 1.001


def raised(of: Alarm, at_ms: int):
    return step_of("alarm_raised", at_ms=at_ms, reason="", detail=of)


def ended(of: Alarm, at_ms: int):
    return step_of("alarm_ended", at_ms=at_ms, reason="", detail=of)


def test_the_time_of_an_alarm_that_stops_training_is_left_out_with_a_margin_before_it():
    broken = alarm(since_ms=10 * HOUR, stops_training=True)
    steps = [raised(broken, 12 * HOUR), ended(broken, 20 * HOUR)]
    assert exclusions_of(steps, at_ms=DAY).stretches_ms == ((10 * HOUR - MARGIN_MS, 20 * HOUR),)
    assert exclusions_of(steps[:1], at_ms=DAY).stretches_ms == ((10 * HOUR - MARGIN_MS, DAY),)


def test_an_alarm_that_is_only_a_warning_from_some_time_on_stops_being_left_out():
    broken = alarm("refused", since_ms=10 * HOUR, stops_training=True)
    milder = alarm("refused", since_ms=10 * HOUR)
    steps = [raised(broken, 12 * HOUR), raised(milder, 20 * HOUR), ended(milder, 30 * HOUR)]
    assert exclusions_of(steps, at_ms=90 * HOUR).stretches_ms == ((9 * HOUR, 20 * HOUR),)


def test_stretches_that_overlap_are_one_and_other_alarms_leave_nothing_out():
    one = alarm("volume:join", since_ms=10 * HOUR, stops_training=True)
    two = alarm("clock:join", since_ms=15 * HOUR, stops_training=True)
    steps = [
        raised(one, 11 * HOUR),
        raised(alarm("disk"), 11 * HOUR),
        raised(two, 16 * HOUR),
        ended(one, 18 * HOUR),
        ended(two, 30 * HOUR),
    ]
    assert exclusions_of(steps, at_ms=90 * HOUR).stretches_ms == ((9 * HOUR, 30 * HOUR),)


def test_users_of_an_alarm_are_left_out_also_after_it_ended():
    bot = alarm("bot:u7", users=("u7",))
    steps = [raised(bot, HOUR), ended(bot, 2 * HOUR)]
    assert exclusions_of(steps, at_ms=DAY).users == {"u7"}
