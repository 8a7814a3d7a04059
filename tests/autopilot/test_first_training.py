"""The plan of a first training counts what there is, and its date comes true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.planning.first_training import (
    DAY_MS,
    HOUR_MS,
    Enough,
    History,
    history_of,
    plan_first_training,
    plan_of,
)
from liverank.config import parse_config
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id

START_MS, MINUTE_MS = 1_795_392_000_000, 60_000
LABEL = '[label]\ninteraction = "join"\nwithin = "10m"\n'
CONFIG = parse_config(LABEL)
IMPLIED = parse_config(LABEL + '[candidates]\ninteraction = "join"\nwithin = "1h"\n')


def stream(minutes, users=80, every=4):
    """A list a minute, of each user in turn; every few of them draw one join a minute later."""
    events = [Item(time=START_MS, item=item, state="started") for item in "abc"]
    for minute in range(minutes):
        at_ms, user = START_MS + minute * MINUTE_MS, f"u{minute % users}"
        events.append(Ranking(time=at_ms, id=f"q{minute}", user=user, items=list("abc")))
        if minute % every == 0:
            events.append(Interaction(time=at_ms + MINUTE_MS, type="join", user=user, item="b"))
    return sorted(events, key=lambda event: event.time)


def frames_of(events):
    frame = frame_of(events, seqs=range(1, len(events) + 1), arrived_ms=START_MS + 90 * DAY_MS)
    return lambda: frame.iter_slices(1000)


def test_a_plan_counts_the_lists_whose_labels_are_known():
    at_ms = START_MS + 600 * MINUTE_MS
    plan = plan_first_training(frames_of(stream(900)), CONFIG, at_ms)
    known = [minute for minute in range(600) if minute + 10 < 600]
    assert plan.lists == len(known)
    assert plan.successes == len([minute for minute in known if minute % 4 == 0])
    assert plan.people == 80
    assert plan.days == pytest.approx(600 / 1440)
    assert not plan.is_ready


def test_nothing_that_comes_later_changes_a_plan():
    at_ms = START_MS + 600 * MINUTE_MS
    longer, shorter = (
        plan_first_training(frames_of(stream(minutes)), CONFIG, at_ms) for minutes in (900, 601)
    )
    assert longer == shorter


@pytest.mark.parametrize("hour", [3, 8, 20, 27])
def test_the_date_comes_true_in_a_stream_of_constant_rate(hour):
    """300 successes at 15 an hour: 20 hours, so a day of history is what is missing last."""
    frames = frames_of(stream(60 * 50, every=4))
    for enough in (Enough(days=0.5), Enough(successes=450), Enough()):
        plan = plan_first_training(frames, CONFIG, START_MS + hour * HOUR_MS, enough)
        if plan.is_ready:
            continue
        early = plan_first_training(frames, CONFIG, plan.ready_at_ms - HOUR_MS, enough)
        late = plan_first_training(frames, CONFIG, plan.ready_at_ms + HOUR_MS, enough)
        assert (early.is_ready, late.is_ready) == (False, True)


def test_without_successes_nobody_can_say_when():
    plan = plan_first_training(frames_of(stream(300, every=1000)), CONFIG, START_MS + 5 * HOUR_MS)
    assert plan.successes == 1
    silent = plan_first_training(
        frames_of(stream(300, every=1000)), CONFIG, START_MS + 48 * HOUR_MS
    )
    assert silent.ready_at_ms is None
    assert silent.reason.endswith("and too few come to say when there will be enough")


def test_a_log_without_lists_gives_an_empty_plan():
    events = [Item(time=START_MS, item="a", state="started")]
    plan = plan_first_training(frames_of(events), CONFIG, START_MS + DAY_MS)
    assert (plan.lists, plan.successes, plan.people, plan.ready_at_ms) == (0, 0, 0, None)


def test_lists_made_from_interactions_count_too():
    joins = [
        Interaction(
            time=START_MS + n * MINUTE_MS, type="join", user=f"u{n % 60}", item="abc"[n % 3]
        )
        for n in range(1600)
    ]
    plan = plan_first_training(frames_of(joins), IMPLIED, START_MS + 1600 * MINUTE_MS)
    assert plan.successes == plan.lists
    assert plan.people == 60
    assert plan.is_ready


def test_the_sentence_names_what_is_needed_what_there_is_and_when():
    plan = plan_first_training(frames_of(stream(900)), CONFIG, START_MS + 10 * HOUR_MS)
    assert plan.reason == (
        "A first model needs 300 successes of 50 people over 1 day or more; there are 148 of 80 "
        "people in 0.4 days, 15.1 an hour: about Tuesday 24 November, 00:00 UTC"
    )
    ready = plan_first_training(frames_of(stream(60 * 30)), CONFIG, START_MS + 29 * HOUR_MS)
    assert ready.is_ready
    assert ready.reason.startswith("There is enough for a first model: 4")


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 5), st.integers(0, 3)), max_size=60
    ),
    now=st.integers(0, 4000),
    needs=st.tuples(st.integers(1, 40), st.integers(1, 6), st.floats(0.1, 2.0)),
)
def test_a_plan_is_ready_exactly_when_all_needs_are_met(lists, now, needs):
    """Against plain counts."""
    lists = sorted(entry for entry in lists if entry[0] < now)
    history = History(
        np.array([START_MS + minute * MINUTE_MS for minute, _, _ in lists], np.float64),
        np.array([hash_id(f"u{user}") for _, user, _ in lists], np.uint64),
        np.array([count for _, _, count in lists], np.int64),
    )
    enough = Enough(successes=needs[0], people=needs[1], days=needs[2])
    at_ms = START_MS + now * MINUTE_MS
    plan = plan_of(history, at_ms, enough)
    is_met = (
        sum(count for *_, count in lists) >= needs[0]
        and len({user for _, user, _ in lists}) >= needs[1]
        and bool(lists)
        and (now - lists[0][0]) / 1440 >= needs[2]
    )
    assert plan.is_ready == is_met
    assert plan.ready_at_ms is None or plan.is_ready or plan.ready_at_ms > at_ms
    day_ago = now - min(1440, now - lists[0][0] if lists else 0)
    recent = sum(count for minute, _, count in lists if minute >= day_ago)
    hours = (now - day_ago) / 60
    assert plan.successes_per_hour == pytest.approx(recent / hours if hours else 0.0)


def test_a_history_holds_what_a_training_would_learn_from():
    history = history_of(frames_of(stream(100)), CONFIG, START_MS + 50 * MINUTE_MS)
    assert len(history.at) == 40
    assert history.successes.tolist() == [1, 0, 0, 0] * 10
