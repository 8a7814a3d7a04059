"""Lists made from bare interactions hold what could have been chosen, by the plain definition."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Candidates, Config, Label
from liverank.dataset.lists.implied import Choices
from liverank.events.event import Interaction, User
from liverank.events.frame import empty_frame, frame_of
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_id
from liverank.features.layout.derived_layout import layout_of

CLICKS = Candidates(interaction="click", within="10s")
LAYOUT = layout_of(
    Schema(interactions=("click",), requests={"device": "category"}),
    Config(label=Label(interaction="click")),
)
NAMES = {hash_id(name): name for name in "abcdefghij"}


def click(time, item, type_="click"):
    return Interaction(time=time, type=type_, user=f"u{time}", item=item)


def implied(events, *, from_ms=-np.inf, to_ms=np.inf, at_most=10_000, per_list=None, seed=0):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    choices = Choices(CLICKS, max_future_ms=1e18)
    for part in frame.iter_slices(3):
        choices.add(part)
    return choices.lists(
        LAYOUT, from_ms=from_ms, to_ms=to_ms, at_most=at_most, per_list=per_list, seed=seed
    )


def names_of(lists):
    """Each list as its items' names."""
    offsets = lists.reads.offsets
    return [
        [NAMES[int(item)] for item in lists.reads.items[start:stop]]
        for start, stop in itertools.pairwise(offsets)
    ]


def in_window(events, chosen):
    """The items that drew a click in the ten seconds before this one, whenever that arrived."""
    return {
        earlier.item
        for earlier in events
        if earlier.type == "click" and 0 < chosen.at_ms - earlier.at_ms <= 10_000
    }


click_logs = st.lists(
    st.builds(
        click,
        st.integers(0, 60_000),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["click", "click", "join"]),
    ),
    max_size=30,
).map(lambda events: [click(0, "a"), click(100_000, "j"), *events])
"""Logs in any order of time; the first and the last moment are fixed."""


@settings(max_examples=60)
@given(click_logs)
def test_a_test_list_holds_all_candidates_of_the_window(events):
    expected = sorted(
        (event.at_ms, event.item, tuple(sorted(in_window(events, event))))
        for event in events
        if event.type == "click" and event.at_ms >= 10_000 and in_window(events, event)
    )
    lists = implied(events, from_ms=10_000)
    assert lists.reads.at.tolist() == [at for at, _, _ in expected]
    labels = np.split(lists.labels, lists.reads.offsets[1:-1])
    found = [
        (at, tuple(np.array(names)[is_chosen == 1]), tuple(sorted(names)))
        for at, names, is_chosen in zip(
            lists.reads.at.tolist(), names_of(lists), labels, strict=bool(expected)
        )
    ]
    assert sorted(found) == sorted(
        (at, (item,) if item in pool else (), pool) for at, item, pool in expected
    )


@settings(max_examples=30)
@given(click_logs, st.randoms(use_true_random=False), st.sampled_from([None, 3]))
def test_the_order_of_arrival_changes_no_list(events, random, per_list):
    shuffled = random.sample(events, len(events))
    one, other = (implied(each, per_list=per_list, seed=5) for each in (events, shuffled))
    assert names_of(one) == names_of(other)
    assert one.reads.at.tolist() == other.reads.at.tolist()
    assert one.labels.tolist() == other.labels.tolist()


@settings(max_examples=60)
@given(click_logs, st.integers(2, 5), st.integers(0, 5))
def test_a_training_list_holds_the_chosen_item_and_a_sample_of_the_others(events, per_list, seed):
    lists = implied(events, from_ms=10_000, per_list=per_list, seed=seed)
    sums = np.add.reduceat(lists.labels, lists.reads.offsets[:-1]) if len(lists) else []
    assert all(total == 1 for total in sums)
    clicks = {(event.at_ms, event.item): event for event in events if event.type == "click"}
    chosen = [NAMES[int(item)] for item in lists.reads.items[lists.labels == 1]]
    for at, item, names in zip(lists.reads.at, chosen, names_of(lists), strict=True):
        pool = in_window(events, clicks[int(at), item])
        assert len(set(names)) == len(names) == min(per_list, len(pool))
        assert set(names) <= pool


def busy(count=3000):
    """A log where each of ten items is clicked in turn."""
    return [click(100 * n, "abcdefghij"[n % 10]) for n in range(count)]


def test_a_sample_is_the_same_for_the_same_seed_and_differs_for_another():
    one, same, other = (implied(busy(), per_list=4, seed=seed) for seed in (1, 1, 2))
    assert names_of(one) == names_of(same) != names_of(other)


def test_every_other_candidate_is_drawn_as_often_and_the_chosen_one_stands_anywhere():
    lists = implied(busy(), per_list=4)
    others = np.array([NAMES[int(item)] for item in lists.reads.items])[lists.labels == 0]
    _, counts = np.unique(others, return_counts=True)
    assert len(counts) == 10
    assert counts.max() < 1.2 * counts.min()
    places = np.flatnonzero(lists.labels) - lists.reads.offsets[:-1]
    assert (np.bincount(places, minlength=4) > 0.2 * len(lists)).all()


def test_the_period_and_the_number_of_lists_are_kept_to():
    lists = implied(busy(), from_ms=50_000, to_ms=60_000, at_most=7)
    assert len(lists) == 7
    assert lists.reads.at.min() == 50_000
    assert lists.reads.at.max() == 59_900
    gaps = np.diff(lists.reads.at)
    assert gaps.max() - gaps.min() <= 100, "thinned evenly"


def test_the_first_window_only_warms_up():
    assert implied(busy()).reads.at.min() == 10_000


@pytest.mark.parametrize("per_list", [None, 5])
@pytest.mark.parametrize(
    "events", [[click(5, "a")], [click(5, "a", "join")], [User(time=5, user="u")]]
)
def test_too_few_clicks_give_no_lists(events, per_list):
    assert len(implied(events, per_list=per_list)) == 0


def test_no_events_give_no_lists():
    choices = Choices(CLICKS, max_future_ms=1e18)
    choices.add(empty_frame())
    lists = choices.lists(LAYOUT, from_ms=-np.inf, to_ms=np.inf, at_most=10, per_list=None, seed=0)
    assert len(lists) == 0


def test_a_list_knows_what_the_interaction_said_of_the_request():
    events = [
        *(click(n * 1000, "ab"[n % 2]) for n in range(30)),
        Interaction(
            time=30_000, type="click", user="u", item="a", fields={"device": "ios"}, value=1.0
        ),
    ]
    lists = implied(events)
    assert lists.reads.request[-1].tolist() == [hash_id("ios")]
    assert lists.reads.request[0].tolist() == [0]
    assert lists.until_ms[-1] == 30_000
