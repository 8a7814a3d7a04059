"""Popularity is counted exactly as its plain definition says."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Config, Label
from liverank.dataset.lists.lists import collect_lists
from liverank.dataset.popularity import PRIOR_IMPRESSIONS, WINDOWS_MS, popularity_scores
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_id
from liverank.features.layout.derived_layout import layout_of

HOUR_MS = 3_600_000
CONFIG = Config(label=Label(interaction="join"))
PRODUCTS = {
    "ranked": Schema(interactions=("join",)),
    "shown": Schema(interactions=("join", "impression"), impressions_from="interaction"),
    "bare": Schema(interactions=("join",), impressions_known=False),
}


def ranking(time, items, id_="q", **more):
    return Ranking(time=time, id=id_, user="u", items=list(items), **more)


def join(time, item, type_="join", **more):
    return Interaction(time=time, type=type_, user="u", item=item, **more)


def scores_of(events, *, product="ranked", config=CONFIG, frame_rows=2):
    layout = layout_of(PRODUCTS[product], config)
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    lists = collect_lists([frame], layout, config)
    return popularity_scores(frame.iter_slices(frame_rows), lists, layout, config)


def plain_counts(events, window_ms, is_counted):
    """For each item of each list, by time: what the window holds of the events that it saw."""
    counts = []
    for place, shown in by_time(events):
        for item in shown.items:
            since = shown.at_ms - window_ms
            happened = [e.at_ms for e in seen_by(events, place) if is_counted(e, item)]
            counts.append(sum(at > since for at in happened))
    return counts


def by_time(events):
    """The lists, with their places in the log, as they stand among the lists."""
    lists = [(place, e) for place, e in enumerate(events) if isinstance(e, Ranking) and e.items]
    return sorted(lists, key=lambda pair: (pair[1].at_ms, hash_id(pair[1].id)))


def seen_by(events, place):
    """What arrived before the cut of a list that we served; else what happened before it."""
    shown = events[place]
    if shown.cut is not None and shown.cut <= place:
        return events[: shown.cut]
    return [event for event in events if event.at_ms < shown.at_ms]


def is_join(event, item):
    return isinstance(event, Interaction) and event.type == "join" and event.item == item


logs = st.lists(
    st.one_of(
        st.builds(
            ranking,
            st.integers(0, 60).map(lambda n: n * HOUR_MS // 2),
            st.lists(st.sampled_from("abc"), max_size=3, unique=True),
            st.uuids().map(str),
        ),
        st.builds(
            join,
            st.integers(0, 60).map(lambda n: n * HOUR_MS // 2),
            st.sampled_from("abc"),
            st.sampled_from(["join", "join", "impression"]),
        ),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60)
@given(logs, st.sampled_from(sorted(PRODUCTS)), st.booleans())
def test_scores_equal_their_plain_definitions(events, product, is_served):
    if is_served:  # by a server whose clock and whose cuts rise
        events = sorted(events, key=lambda event: event.at_ms)
        events = [
            msgspec.structs.replace(event, cut=max(place - 2, 0))
            if isinstance(event, Ranking)
            else event
            for place, event in enumerate(events)
        ]
    scores = scores_of(events, product=product)
    joins = {name: plain_counts(events, ms, is_join) for name, ms in WINDOWS_MS.items()}
    for name, counts in joins.items():
        assert scores[name].tolist() == counts, name
    if product == "bare":
        assert "success_rate" not in scores
        return

    def is_impression(event, item):
        if product == "ranked":
            return isinstance(event, Ranking) and item in event.items
        return isinstance(event, Interaction) and event.type == "impression" and event.item == item

    shown = plain_counts(events, np.inf, is_impression)
    rates = []
    for place, event in by_time(events):
        before = seen_by(events, place)
        successes = sum(is_join(e, item) for e in before for item in "abc")
        seen = sum(is_impression(e, item) for e in before for item in "abc")
        rates += [successes / max(seen, 1)] * len(event.items)
    expected = [
        (count + PRIOR_IMPRESSIONS * rate) / (trials + PRIOR_IMPRESSIONS)
        for count, trials, rate in zip(joins["popular_all"], shown, rates, strict=True)
    ]
    np.testing.assert_allclose(scores["success_rate"], expected)


@pytest.mark.parametrize(("age_ms", "counts"), [(HOUR_MS - 1, 1), (HOUR_MS, 0)])
def test_a_window_leaves_out_what_is_exactly_as_old_as_it_is_long(age_ms, counts):
    events = [join(10 * HOUR_MS - age_ms, "a"), ranking(10 * HOUR_MS, "a")]
    assert scores_of(events)["popular_1h"].tolist() == [counts]


def test_only_what_came_before_the_cut_counts():
    events = [join(10, "a"), join(20, "a"), ranking(30, "a", cut=1), join(30, "a")]
    assert scores_of(events)["popular_all"].tolist() == [1.0]


def test_what_arrives_late_counts_at_its_own_time():
    late = [ranking(20, "a"), join(10, "a"), join(30, "a")]
    assert scores_of(late)["popular_all"].tolist() == [1.0]


def test_a_success_needs_the_least_value_here_too():
    config = Config(label=Label(interaction="join", min_value=30.0))
    events = [join(10, "a", value=29.0), join(10, "a", value=30.0), join(10, "a"), ranking(20, "a")]
    assert scores_of(events, config=config)["popular_all"].tolist() == [1.0]


def test_what_happens_later_changes_no_score():
    past = [join(10, "a"), ranking(20, "ab")]
    later = [join(20, "b"), join(30, "b"), join(40, "a")]
    before, after = scores_of(past), scores_of([*past, *later])
    assert {name: values.tolist() for name, values in before.items()} == {
        name: values.tolist() for name, values in after.items()
    }
