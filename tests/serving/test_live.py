"""What is live, against its definition told plainly."""

import math
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import StateError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.serving.state.live_items import LiveItems

EXPIRE_MS = 50
ITEMS = ["a", "b", "c"]

item_events = st.builds(
    Item,
    time=st.integers(0, 100),
    item=st.sampled_from(ITEMS),
    state=st.sampled_from(["scheduled", "started", "updated", "ended"]),
    fields=st.dictionaries(st.sampled_from(["host", "title"]), st.sampled_from(["x", "y", None])),
)
events = st.one_of(
    item_events,
    st.builds(
        Interaction,
        time=st.integers(0, 100),
        type=st.sampled_from(["join", "impression"]),
        user=st.just("u1"),
        item=st.sampled_from(ITEMS),
    ),
    st.builds(
        Ranking, time=st.integers(0, 100), id=st.just("q"), user=st.just("u1"), items=st.just(ITEMS)
    ),
)


def live_plainly(told, at_ms):
    """The items that are live by the definition."""
    live = []
    for name in ITEMS:
        about = [event for event in told if isinstance(event, Item) and event.item == name]
        if not about:
            continue
        first = next(place for place, event in enumerate(told) if event is about[0])
        last = {event.state: event.time for event in sorted(about, key=lambda one: one.time)}
        start, end = last.get("started", -math.inf), last.get("ended", -math.inf)
        announced = last.get("scheduled", -math.inf)
        signs = [event.time for event in about] + [
            event.time
            for event in told[first:]
            if isinstance(event, Interaction) and event.type == "join" and event.item == name
        ]
        runs = start > end
        says_nothing = start == end == announced == -math.inf
        if (runs or says_nothing) and max(signs) > at_ms - EXPIRE_MS:
            live.append(name)
    return live


def folded(told, sizes):
    """Live items after folding the events in batches of these sizes."""
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    begin = 0
    for size in cycle(sizes):
        batch = told[begin : begin + size]
        if not batch:
            break
        frame = frame_of(batch)
        live.fold(frame, frame["time"].cast(float).to_numpy())
        begin += len(batch)
    return live


@settings(max_examples=200)
@given(
    told=st.lists(events, max_size=12),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    times=st.lists(st.integers(0, 160), min_size=1, max_size=4).map(sorted),
)
def test_items_are_live_as_defined_however_events_are_batched(told, sizes, times):
    live = folded(told, sizes)
    for at_ms in times:
        candidates = live.candidates(at_ms=at_ms)
        assert sorted(candidates.ids) == live_plainly(told, at_ms)
        assert len(candidates.hashes) == len(candidates.ids)


def said_of(live):
    """What is known of each item, but for the order in which it came to be live."""
    names = sorted(live.known)
    return [(name, repr(live.known[name].since), said(live.known[name])) for name in names]


def said(item):
    return (
        item.is_scheduled,
        item.has_ended,
        sorted(item.fields.items()),
        sorted(item.set_at.items()),
    )


@settings(max_examples=200)
@given(
    st.lists(
        item_events,
        max_size=6,
        unique_by=lambda e: e.time,
    ).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told)))
)
def test_what_is_said_of_items_is_the_same_in_any_order_of_arrival(orders):
    one, other = (folded(told, [3]) for told in orders)

    assert said_of(one) == said_of(other)
    assert sorted(one.candidates(at_ms=60).ids) == sorted(other.candidates(at_ms=60).ids)


@given(
    told=st.lists(events, max_size=12),
    cut=st.integers(0, 12),
    times=st.lists(st.integers(0, 160), min_size=1, max_size=4).map(sorted),
)
def test_what_was_packed_goes_on_as_if_it_had_never_stopped(told, cut, times):
    whole, began = folded(told, [3]), folded(told[:cut], [3])
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    live.unpack(began.pack())
    if told[cut:]:
        frame = frame_of(told[cut:])
        live.fold(frame, frame["time"].cast(float).to_numpy())
    assert live.pack() == whole.pack()
    for at_ms in times:
        assert live.candidates(at_ms=at_ms).ids == whole.candidates(at_ms=at_ms).ids
        np.testing.assert_array_equal(
            live.candidates(at_ms=at_ms).hashes, whole.candidates(at_ms=at_ms).hashes
        )
        assert list(map(live.has_ended, ITEMS)) == list(map(whole.has_ended, ITEMS))


def test_fields_of_any_kind_are_packed():
    fields = {"size": 2**80, "share": 0.1, "open": True, "title": None, "topics": ["ai", 7, 7.5]}
    live = folded([Item(time=0, item="名前", state="started", fields=fields)], [1])
    again = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    again.unpack(live.pack())
    assert [item.fields for _, item in again.newest(at_ms=1)] == [fields]


@pytest.mark.parametrize("packed", [b"", b"what", b"\x93\x01\x02\x03"])
def test_what_was_not_packed_is_refused(packed):
    with pytest.raises(StateError, match="the live items of a snapshot cannot be read"):
        LiveItems(expire_after_ms=EXPIRE_MS, impression="impression").unpack(packed)


def test_what_was_folded_with_another_type_of_impression_is_refused():
    packed = LiveItems(expire_after_ms=EXPIRE_MS, impression="seen").pack()
    with pytest.raises(StateError, match="'seen', not 'impression'"):
        LiveItems(expire_after_ms=EXPIRE_MS, impression="impression").unpack(packed)


def test_a_join_before_its_item_is_known_is_no_sign_of_life_in_any_batches():
    told = [
        Interaction(time=40, type="join", user="u1", item="a"),
        Item(time=0, item="a", state="started"),
    ]
    for sizes in ([1], [2]):
        assert folded(told, sizes).candidates(at_ms=60).ids == []


def test_a_late_sign_of_life_brings_an_expired_item_back():
    live = folded([Item(time=0, item="a", state="started")], [1])
    assert live.candidates(at_ms=60).ids == []

    join = frame_of([Interaction(time=55, type="join", user="u1", item="a")])
    live.fold(join, np.array([55.0]))
    assert live.candidates(at_ms=60).ids == ["a"]


@pytest.mark.parametrize("how", ["of a frame", "one by one"])
@pytest.mark.parametrize(("type_", "is_sign"), [("join", True), ("impression", False)])
def test_being_shown_is_no_sign_of_life_and_joining_is(how, type_, is_sign):
    did = Interaction(time=40, type=type_, user="u1", item="a")
    live = folded([Item(time=0, item="a", state="started")], [1])
    if how == "of a frame":
        live.fold(frame_of([did]), np.array([40.0]))
    else:
        live.fold_events([did], [40.0])
    assert live.candidates(at_ms=49).ids == ["a"]
    assert live.candidates(at_ms=60).ids == (["a"] if is_sign else [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_older_event_that_comes_late_sets_only_what_no_newer_one_did(order):
    old = Item(time=0, item="a", state="started", fields={"title": "old", "language": "en"})
    new = Item(time=10, item="a", fields={"title": "new", "host": "h2"})
    [(_, item)] = folded([(old, new)[place] for place in order], [1]).newest(at_ms=11)

    assert item.since == 0
    assert item.fields == {"title": "new", "host": "h2", "language": "en"}


def test_of_two_events_of_one_time_the_one_that_came_last_sets_a_field():
    told = [Item(time=5, item="a", state="started", fields={"title": title}) for title in "xyx"]
    assert [item.fields["title"] for _, item in folded(told, [3]).newest(at_ms=6)] == ["x"]


def test_an_item_that_is_announced_again_after_its_end_has_not_ended_and_is_not_live():
    states = ("started", "ended", "scheduled")
    told = [Item(time=at, item="a", state=state) for at, state in enumerate(states)]
    for order in (told, told[::-1]):
        live = folded(order, [1])
        assert (live.candidates(at_ms=3).ids, live.has_ended("a")) == ([], False)


def test_fields_that_are_left_out_keep_their_last_value():
    live = folded(
        [
            Item(time=0, item="a", state="started", fields={"host": "h1", "language": "en"}),
            Item(time=1, item="a", fields={"language": "pt"}),
        ],
        [1],
    )
    [(name, item)] = live.newest(at_ms=2)
    assert (name, item.since, item.fields) == ("a", 0, {"host": "h1", "language": "pt"})
