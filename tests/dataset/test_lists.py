"""Which items of past rankings were successes, and which were seen, by plain definitions."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Config, Impressions, Label, parse_config
from liverank.dataset.labels.seen import falls_with_position
from liverank.dataset.lists.collected import AS_OF_TIME
from liverank.dataset.lists.lists import collect_lists
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import empty_frame, frame_of
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_id
from liverank.features.layout.derived_layout import layout_of

WITHIN_MS = 1000
CONFIG = parse_config('[label]\ninteraction = "join"\nwithin = "1s"')
RANKED = Schema(interactions=("join",))
SHOWN = Schema(interactions=("join", "impression"), impressions_from="interaction")


def lists_of(*events, config=CONFIG, schema=RANKED):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return collect_lists([frame], layout_of(schema, config), config)


def ranking(id_, time, items, user="u1", **more):
    return Ranking(id=id_, time=time, user=user, items=list(items), **more)


def join(time, item, user="u1", type_="join", **more):
    return Interaction(type=type_, time=time, user=user, item=item, **more)


def test_a_success_belongs_to_the_ranking_that_it_names():
    lists = lists_of(ranking("q1", 10, "ab"), ranking("q2", 20, "ab"), join(30, "a", ranking="q1"))
    assert lists.labels.tolist() == [1, 0, 0, 0]


def test_a_success_without_a_ranking_belongs_to_the_last_one_that_showed_the_item():
    lists = lists_of(
        ranking("q1", 10, "ab"), ranking("q2", 20, "ab"), ranking("q3", 25, "b"), join(30, "a")
    )
    assert lists.labels.tolist() == [0, 0, 1, 0, 0]


def test_a_success_of_another_person_or_before_the_list_does_not_count():
    lists = lists_of(join(5, "a"), ranking("q1", 10, "ab"), join(30, "a", user="u2"))
    assert lists.labels.tolist() == [0, 0]


@pytest.mark.parametrize("name", ["q1", None])
@pytest.mark.parametrize(
    ("after_ms", "label"), [(0, 1), (WITHIN_MS, 1), (WITHIN_MS + 1, 0), (-1, 0)]
)
def test_the_window_of_the_label_holds_both_its_edges(name, after_ms, label):
    lists = lists_of(ranking("q1", 5000, "a"), join(5000 + after_ms, "a", ranking=name))
    assert lists.labels.tolist() == [label]
    assert lists.until_ms.tolist() == [6000.0]


@pytest.mark.parametrize(("value", "label"), [(30.0, 1), (29.9, 0), (None, 0)])
def test_a_success_needs_the_least_value(value, label):
    config = Config(label=Label(interaction="join", within="1s", min_value=30.0))
    lists = lists_of(ranking("q1", 10, "a"), join(20, "a", value=value), config=config)
    assert lists.labels.tolist() == [label]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 6), st.sampled_from(["u1", "u2"]), st.sampled_from(["a", "ab", "cba"])
        ),
        min_size=1,
        max_size=8,
    ),
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.sampled_from(["u1", "u2"]),
            st.sampled_from("abcd"),
            st.sampled_from([None, None, "q0", "q1", "q99"]),
        ),
        max_size=12,
    ),
)
def test_labels_equal_their_plain_definition(shown, joined):
    """Times are steps of 400 ms, so that three of them are outside the window."""
    rankings = [
        ranking(f"q{n}", 400 * at, items, user) for n, (at, user, items) in enumerate(shown)
    ]
    joins = [join(400 * at, item, user, ranking=name) for at, user, item, name in joined]
    expected = set()
    for event in joins:
        if event.ranking is not None:
            owners = [r for r in rankings if r.id == event.ranking and event.item in r.items]
        else:
            before = [
                (r.at_ms, hash_id(r.id), r)
                for r in rankings
                if r.user == event.user and event.item in r.items and r.at_ms <= event.at_ms
            ]
            owners = [max(before)[2]] if before else []
        expected |= {(r.id, event.item) for r in owners if 0 <= event.at_ms - r.at_ms <= WITHIN_MS}
    lists = lists_of(*rankings, *joins)
    by_time = sorted(rankings, key=lambda r: (r.at_ms, hash_id(r.id)))
    assert lists.labels.tolist() == [
        int((r.id, item) in expected) for r in by_time for item in r.items
    ]
    mixed = lists_of(*reversed(joins), *reversed(rankings))
    assert mixed.labels.tolist() == lists.labels.tolist(), "the order of arrival tells nothing"


def test_lists_stand_in_the_order_of_time_and_only_served_ones_are_read_at_a_cut():
    lists = lists_of(
        ranking("q1", 10, "a"),
        ranking("q2", 50, "b"),
        ranking("q3", 30, "c", cut=0),
        ranking("q4", 40, "d", cut=1),
        ranking("q5", 20, "e", cut=99),
    )
    assert lists.reads.items.tolist() == [hash_id(item) for item in "aecdb"]
    # a cut that is not before the list's own place is no cut of ours
    assert lists.reads.before.tolist() == [AS_OF_TIME, AS_OF_TIME, 1, 2, AS_OF_TIME]


def test_an_empty_ranking_is_left_out_and_one_without_success_is_kept():
    lists = lists_of(ranking("q1", 10, ""), ranking("q2", 20, "ab"))
    assert lists.sizes.tolist() == [2]
    assert lists.labels.tolist() == [0, 0]
    assert lists.reads.positions.tolist() == [0.0, 1.0]


def test_a_log_without_rankings_gives_no_lists():
    assert len(lists_of(join(5, "a"))) == 0
    assert len(collect_lists([], layout_of(RANKED, CONFIG), CONFIG)) == 0
    assert len(collect_lists([empty_frame()], layout_of(RANKED, CONFIG), CONFIG)) == 0


def test_impression_events_say_what_was_seen_and_a_success_was_seen_too():
    lists = lists_of(
        ranking("q1", 10, "abcd"),
        join(20, "a", type_="impression", ranking="q1"),
        join(20, "c", type_="impression"),
        join(30, "d", ranking="q1"),
        join(5000, "b", type_="impression"),
        ranking("q2", 9000, "ab"),
        schema=SHOWN,
    )
    assert lists.seen.tolist() == [True, False, True, True, False, False]


def screens(chance_below, lists=300, length=4, seed=5):
    """Events of lists that are shown whole; a join below the first one has this chance."""
    generator = np.random.default_rng(seed)
    for number in range(lists):
        at, name, items = 10_000 * number, f"q{number}", "abcd"[:length]
        yield ranking(name, at, items)
        has_joined = False
        for item in items:
            yield join(at + 1, item, type_="impression", ranking=name)
            if generator.random() < (chance_below if has_joined else 0.3):
                has_joined = True
                yield join(at + 2, item, ranking=name)


def test_what_stands_below_a_success_was_not_seen_where_people_stop_at_one():
    lists = lists_of(*screens(0.0), schema=SHOWN)

    for start, stop in pairwise(lists.reads.offsets):
        joined = np.flatnonzero(lists.labels[start:stop])
        last = joined[0] if len(joined) else stop - start
        np.testing.assert_array_equal(lists.seen[start:stop], np.arange(stop - start) <= last)


@pytest.mark.parametrize(("chance_below", "policy"), [(0.3, "auto"), (0.05, "auto"), (0.0, "all")])
def test_impressions_below_a_success_count_where_people_go_on_or_the_config_says_so(
    chance_below, policy
):
    config = Config(label=CONFIG.label, impressions=Impressions(seen=policy))

    assert lists_of(*screens(chance_below), config=config, schema=SHOWN).seen.all()


def test_a_few_lists_cannot_tell_whether_people_stop_at_a_success():
    assert lists_of(*screens(0.0, lists=10), schema=SHOWN).seen.all()


def test_items_below_the_last_success_are_left_out_where_the_config_says_so():
    config = Config(label=CONFIG.label, impressions=Impressions(seen="to_last_engaged"))
    lists = lists_of(
        ranking("q1", 10, "abcd"),
        ranking("q2", 20, "ab", user="u2"),
        join(30, "a"),
        join(30, "c"),
        config=config,
    )
    assert lists.seen.tolist() == [True, True, True, False, True, True]


def synthetic(chance_at, lists=400, length=10, seed=3):
    """Lists with one success each, at a place drawn by these odds."""
    odds = np.array([chance_at(place) for place in range(length)])
    places = np.random.default_rng(seed).choice(length, size=lists, p=odds / odds.sum())
    labels = np.zeros((lists, length), np.uint8)
    labels[np.arange(lists), places] = 1
    positions = np.tile(np.arange(length), lists)
    return positions, labels.ravel(), np.arange(lists + 1) * length


def test_position_bias_is_told_from_its_absence():
    assert falls_with_position(*synthetic(lambda place: 0.8**place))
    assert not any(falls_with_position(*synthetic(lambda _: 1.0, seed=n)) for n in range(20))
    assert not falls_with_position(*synthetic(lambda place: 1.2**place))
    assert not falls_with_position(*synthetic(lambda place: 0.8**place, lists=50)), "too few"


def test_lists_of_one_item_tell_nothing_of_position_bias():
    n = 500
    assert not falls_with_position(np.zeros(n, np.int64), np.ones(n, np.uint8), np.arange(n + 1))


@pytest.mark.parametrize(("power", "left_out"), [(0.7, True), (1.0, False)])
def test_what_counts_as_seen_follows_position_bias_by_itself(power, left_out):
    random = np.random.default_rng(5)
    odds = power ** np.arange(6)
    events = []
    for n in range(300):
        events.append(ranking(f"q{n}", 10 * n, "abcdef"))
        item = "abcdef"[random.choice(6, p=odds / odds.sum())]
        events.append(join(10 * n + 1, item, ranking=f"q{n}"))
    assert (not lists_of(*events).seen.all()) == left_out


def test_taking_some_lists_keeps_all_of_their_items():
    lists = lists_of(
        ranking("q1", 10, "ab"), ranking("q2", 20, "c"), ranking("q3", 30, "de"), join(31, "e")
    )
    taken = lists.take(np.array([True, False, True]))
    assert taken.reads.items.tolist() == [hash_id(item) for item in "abde"]
    assert taken.labels.tolist() == [0, 0, 0, 1]
    assert taken.reads.offsets.tolist() == [0, 2, 4]
    assert len(lists.take(np.zeros(3, np.bool_))) == 0


def test_only_served_drops_the_candidates_that_were_only_scored():
    lists = lists_of(
        ranking("q1", 0, "a", candidates=["b", "a"]),
        ranking("q2", 1, "cd"),
        join(2, "d", ranking="q2"),
    )

    served = lists.only_served()

    assert lists.sizes.tolist() == [2, 2]
    assert served.sizes.tolist() == [1, 2]
    assert served.labels.tolist() == [0, 0, 1]
    assert served.reads.items.tolist() == [hash_id(item) for item in "acd"]
