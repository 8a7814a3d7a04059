"""Fields of people and items: the last by event time counts, and nothing told is swept."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import ITEMS, SCHEMA, START_MS, USERS, item_events, times, user_events
from sound_state import assert_is_sound
from state_bits import bits

from liverank.config import Config, Label
from liverank.events.event import Edge, Interaction, Item, User
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.sizes import memory_warning
from liverank.features.state.snapshot import Origin, load_snapshot, write_snapshot
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

MINUTE_MS, DAY_MS = 60_000, 86_400_000
LASTING = derive_spec(SCHEMA, Config(label=Label(interaction="join")))
PROGRAM = compile_spec(LASTING)
OF_FIELDS = [
    place
    for place, feature in enumerate(LASTING.features)
    if feature.kind in ("attribute", "context") or feature.name.startswith("same_")
]
"""Features of what fields say; ages of items and lives are told by other events as well."""


def layout_of(**changes):
    return msgspec.structs.replace(LASTING.layout, **changes)


def fold(state, events, *, first_seq=1):
    frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    state.fold(stream_of(frame, state.layout, max_future_ms=0.0))
    return state


def folded(events, **changes):
    return fold(State(layout_of(**changes)), events)


def value(state, name, *, user="u1", item="room0", at_ms=START_MS):
    row = state.read(
        PROGRAM,
        user=hash_id(user),
        at_ms=float(at_ms),
        items=hash_ids([item]),
        request=new_request(state.layout),
        positions=np.zeros(1),
    )
    return float(row[0, LASTING.names.index(name)])


def said_of_all(state, at_ms=START_MS):
    return [
        state.read(
            PROGRAM,
            user=hash_id(user),
            at_ms=float(at_ms),
            items=hash_ids(ITEMS),
            request=new_request(state.layout),
            positions=np.zeros(1),
        )[:, OF_FIELDS]
        for user in USERS
    ]


def click(at_ms, user, item, type_="click"):
    return Interaction(time=int(at_ms), type=type_, user=user, item=item)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(item_events(ITEMS[:3]), user_events()),
        max_size=30,
        unique_by=lambda event: event.time,
    ).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events)))
)
def test_fields_are_the_same_in_any_order_of_arrival(orders):
    one, other = (said_of_all(folded(events)) for events in orders)

    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_older_event_that_comes_late_sets_only_what_no_newer_one_did(order):
    old = User(time=START_MS, user="u1", fields={"age": 30, "country": "GB"})
    new = User(time=START_MS + 1, user="u1", fields={"age": 31, "born": START_MS - 5000})
    state = folded([(old, new)[place] for place in order])

    assert value(state, "user_age") == 31
    assert value(state, "user_country_level") == SCHEMA.levels["users.country"].index("GB")
    assert value(state, "user_born_ago_s") == 5


def test_of_two_events_of_one_time_the_one_that_came_last_sets_a_field():
    sizes = [Item(time=START_MS, item="room0", fields={"size": size}) for size in (1, 2, 1)]
    assert value(folded(sizes), "item_size") == 1
    assert value(folded(sizes[:2]), "item_size") == 2


def test_a_list_that_an_older_event_brings_takes_no_word_of_a_newer_one():
    new = Item(time=START_MS + 1, item="room0", fields={"topics": ["ai"]})
    old = Item(time=START_MS, item="room0", fields={"topics": ["go", "art", "law"]})
    follows = [
        Edge(time=START_MS, user="u1", relation="follow", target=topic) for topic in ("ai", "art")
    ]
    for order in ([new, old], [old, new]):
        assert value(folded([*order, *follows]), "followed_topics") == 1


def test_a_field_that_was_said_to_be_unknown_stays_so_for_older_events():
    unknown = Item(time=START_MS + 1, item="room0", fields={"size": None})
    known = Item(time=START_MS, item="room0", fields={"size": 3})
    assert np.isnan(value(folded([unknown, known]), "item_size"))


def test_people_told_of_once_keep_their_fields_for_years():
    signed_up = [
        User(time=START_MS + n * DAY_MS, user=f"p{n}", fields={"age": n}) for n in range(901)
    ]
    now = START_MS + 900 * DAY_MS
    state = folded([*signed_up, *(click(now + n, f"p{n % 7}", "room0") for n in range(1000))])

    assert (state.sizes.swept, state.sizes.evicted, state.sizes.forgotten) == (0, 0, 0)
    assert [value(state, "user_age", user=f"p{n}") for n in range(901)] == list(range(901))


def test_of_an_idle_person_the_history_goes_once_and_what_was_told_stays():
    events = [
        User(time=START_MS, user="told", fields={"age": 33}),
        Edge(time=START_MS, user="follower", relation="follow", target="h2"),
        Item(time=START_MS, item="room0", state="started", fields={"host": "h2", "size": 3}),
        *(click(START_MS, user, "room0", "join") for user in ("told", "follower", "neither")),
        *(click(START_MS + n * 1000, "busy", "room1") for n in range(6000)),
    ]
    state = folded(events, idle_ms=10.0 * MINUTE_MS)
    at_ms = START_MS + 6_000_000

    visits = {
        user: value(state, "user_visits", user=user, at_ms=at_ms)
        for user in ("told", "follower", "neither", "busy")
    }
    assert visits == {"told": 0, "follower": 0, "neither": 0, "busy": 1}
    assert value(state, "user_age", user="told") == 33
    assert value(state, "followed_host", user="follower") == 1
    assert value(state, "item_size") == 3
    assert value(state, "audience_now", at_ms=START_MS + 1) == 0, "who is forgotten is nowhere"
    histories, rows_of_neither = 2, 1
    assert state.sizes.swept >= histories + rows_of_neither
    assert (state.sizes.evicted, state.sizes.forgotten) == (0, 0)
    assert_is_sound(state)
    assert memory_warning(state.sizes) is None

    swept = state.sizes.swept
    again = [click(at_ms + n * 1000, "busy", "room1") for n in range(3000)]
    assert fold(state, again, first_seq=len(events) + 1).sizes.swept == swept, "counted once"
    fold(state, [click(at_ms, "told", "room0", "join")], first_seq=20_000)
    assert value(state, "user_visits", user="told", at_ms=at_ms) == 1
    assert_is_sound(state)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from((500, 3_000, 20_000)), st.booleans())
def test_whatever_is_swept_or_evicted_what_was_told_stays(seed, gap_ms, is_short):
    random = np.random.default_rng(seed)
    at_ms = START_MS + np.cumsum(random.integers(0, 2 * gap_ms, 4000))
    events, ages, sizes, followers = [], {}, {}, set()
    kinds = random.integers(0, 20, 4000)
    people, things = random.zipf(1.3, 4000) % 500, random.zipf(1.3, 4000) % 300
    for at, kind, person, thing in zip(at_ms.tolist(), kinds, people, things, strict=True):
        late = int(at - random.integers(0, 10 * gap_ms))
        if kind == 0:
            ages[person] = max(ages.get(person, (0, 0)), (late, len(events)))
            events.append(User(time=late, user=f"u{person}", fields={"age": len(events)}))
        elif kind == 1:
            sizes[thing] = max(sizes.get(thing, (0, 0)), (late, len(events)))
            events.append(Item(time=late, item=f"i{thing}", fields={"size": len(events)}))
        elif kind == 2:
            followers.add(person)
            edge = Edge(time=int(at), user=f"u{person}", relation="follow", target=f"i{thing}")
            events.append(edge)
        else:
            events.append(click(at, f"u{person}", f"i{thing}", ("join", "leave")[kind % 2]))
    changes = {"memory_bytes": 500_000} if is_short else {"idle_ms": 10.0 * MINUTE_MS}

    state = folded(events, **changes)

    assert_is_sound(state)
    assert (state.sizes.forgotten, state.sizes.lost) == (0, 0)
    assert state.sizes.swept + state.sizes.evicted > 0
    for person, (_, age) in ages.items():
        assert value(state, "user_age", user=f"u{person}") == age
    for thing, (_, size) in sizes.items():
        assert value(state, "item_size", item=f"i{thing}") == size


def crowd(count, *, over=0):
    """So many told people, who act once a second, and as many told items, of which some are over.

    The items were heard of before the people; those that are over began last.
    """
    events = [
        *(
            Item(time=START_MS + n, item=f"i{n}", state="started", fields={"size": n})
            for n in range(count)
        ),
        *(
            Item(time=START_MS + count + n, item=f"i{n}", state="ended")
            for n in range(count - over, count)
        ),
    ]
    for n in range(count):
        at_ms = START_MS + n * 1000
        events.append(User(time=at_ms, user=f"p{n}", fields={"age": n}))
        events += [click(at_ms, f"p{n}", f"i{n % 5}", "join") for _ in range(3)]
    return events


def known(state, count):
    """How many of the people, and of the items, state still knows by their fields."""
    people = [not np.isnan(value(state, "user_age", user=f"p{n}")) for n in range(count)]
    items = [not np.isnan(value(state, "item_size", item=f"i{n}")) for n in range(count)]
    return np.array(people), np.array(items)


def test_where_memory_is_short_counters_and_histories_go_before_what_was_told():
    state = folded(crowd(1000), memory_bytes=1_040_000)
    people, items = known(state, 1000)

    assert people.all()
    assert items.all()
    assert state.sizes.evicted > 500
    assert (state.sizes.forgotten, state.sizes.lost) == (0, 0)
    assert value(state, "user_visits", user="p999", at_ms=START_MS + 1_000_000) == 1
    assert value(state, "user_visits", user="p0", at_ms=START_MS + 1_000_000) == 0
    assert_is_sound(state)


def test_where_counters_are_not_enough_items_that_are_over_go_before_all_else_that_was_told():
    state = folded(crowd(1500, over=750), memory_bytes=1_500_000)
    people, items = known(state, 1500)

    assert people.all()
    assert items[:750].all(), "they are not over"
    assert 0 < items[750:].sum() < 750
    assert state.sizes.forgotten == 750 - items[750:].sum()
    assert_is_sound(state)


def test_where_nothing_else_is_left_what_was_told_goes_counted_and_said():
    state = folded(crowd(4000), memory_bytes=1_500_000)
    people, items = known(state, 4000)

    assert state.sizes.forgotten == (~people).sum() + (~items).sum() > 1000
    assert state.sizes.lost == 0
    assert people[-100:].all(), "the longest idle go first"
    assert f"with events of their own evicted: {state.sizes.forgotten:,}" in memory_warning(
        state.sizes
    )
    assert_is_sound(state)


def test_a_snapshot_keeps_when_each_field_was_set_and_what_was_let_go(tmp_path):
    origin = Origin(identity="log", generation=1, max_future_ms=0.0, last_event="")
    events, half = crowd(4000), 9000
    state = folded(events[:half], memory_bytes=1_500_000)
    assert state.sizes.forgotten > 0
    write_snapshot(state, tmp_path / "one", origin=origin)

    loaded = load_snapshot(tmp_path / "one", state.layout, origin=origin).state

    assert loaded.sizes == state.sizes
    for one in (state, loaded):
        fold(one, events[half:], first_seq=half + 1)
    assert bits(loaded) == bits(state)


@given(st.lists(st.tuples(times(), st.integers(0, 9)), max_size=10))
def test_a_field_is_what_the_latest_event_said(told):
    events = [Item(time=at, item="room0", fields={"size": size}) for at, size in told]
    expected = max(told, key=lambda one: one[0], default=(0, np.nan))
    latest = [size for at, size in told if at == expected[0]]
    np.testing.assert_equal(value(folded(events), "item_size"), float((latest or [np.nan])[-1]))
