"""Closing gaps changes nothing that can be read, and nothing is lost for where free memory lies."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import ALONE, ITEMS, SCHEMA, START_MS, USERS, logs
from sound_state import assert_is_sound, close_gaps
from state_bits import bits

from liverank.compiled import compiled
from liverank.config import Config, Features, Label
from liverank.events.event import Edge, Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.fold.eviction import evict
from liverank.features.kernels.memory.offsets import HEADER_FREED, HEADER_USED, MAX_ITEMS
from liverank.features.kernels.memory.offsets import HEADER_ITEMS as ITEMS_NUMBERED
from liverank.features.kernels.memory.pointers import layout_pointers, store_pointers
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.snapshot import Origin, load_snapshot, write_snapshot
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

MINUTE_MS = 60_000
SPEC = derive_spec(
    SCHEMA, Config(label=Label(interaction="join"), features=Features(on=("*",), off=ALONE))
)
LAYOUT = SPEC.layout
PROGRAM = compile_spec(SPEC)
FLEETING = msgspec.structs.replace(LAYOUT, idle_ms=10.0 * MINUTE_MS, memory_bytes=700_000)
"""Rows lie idle for ten minutes, and there is little memory."""


@compiled
def evict_to(store_arrays, layout_arrays, most_words):
    evict(store_pointers(store_arrays), layout_pointers(layout_arrays), most_words)


def fold(state, events, *, first_seq=1, batch=None):
    frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    state.fold(stream_of(frame, state.layout, max_future_ms=0.0), batch=batch)
    return state


def with_gaps(events, share):
    """A state of the events, of which a share of the memory was evicted."""
    state = fold(State(LAYOUT), events)
    most_words = int((1.0 - share) * state.store.arrays.header[HEADER_USED])
    evict_to(state._arrays, state._layout_arrays, most_words)
    return state


def all_features(state, users=USERS, items=ITEMS, at_ms=START_MS + 50 * 86_400_000):
    return [
        state.read(
            PROGRAM,
            user=hash_id(user),
            at_ms=float(at_ms),
            items=hash_ids(items),
            request=new_request(state.layout),
            positions=np.zeros(1),
        )
        for user in users
    ]


@settings(max_examples=60)
@given(logs(), logs(), st.floats(0.0, 1.0))
def test_every_feature_is_the_same_before_and_after_and_whatever_comes_then(events, later, share):
    gaps, none = with_gaps(events, share), with_gaps(events, share)
    close_gaps(none._arrays, none._layout_arrays)

    assert none.store.arrays.header[HEADER_FREED] == 0
    assert none.sizes == gaps.sizes._replace(compacted=1)
    assert_is_sound(none)
    np.testing.assert_array_equal(all_features(none), all_features(gaps))

    for state in (gaps, none):
        fold(state, later, first_seq=len(events) + 1)
    assert_is_sound(none)
    np.testing.assert_array_equal(all_features(none), all_features(gaps))


def people(day, at_ms):
    """New people who do much with one item."""
    return [
        join(at_ms + n, f"p{480 * day + n}", "room0", "click")
        for n in range(480)
        for _ in range(31)
    ]


def rooms(day, at_ms):
    """New items, each seen once."""
    return [join(at_ms + n, "u1", f"r{640 * day + n}", "click") for n in range(640)]


def hosts(day, at_ms):
    """One item, which a new host has each time."""
    return [
        event
        for n in range(1300)
        for event in (
            Item(time=at_ms + n, item="room0", state="updated", fields={"host": f"h{day}-{n}"}),
            join(at_ms + n, "u1", "room0", "click"),
        )
    ]


def join(at_ms, user="u1", item="room0", type_="join"):
    return Interaction(time=int(at_ms), type=type_, user=user, item=item)


def days(count=7):
    """Days on which only people, only items or only hosts are new, and then nothing is.

    What the days take together is more than there is, what each one takes is not.
    """
    events = []
    for day in range(count):
        at_ms = START_MS + day * 240 * MINUTE_MS
        events += (people, rooms, hosts)[day % 3](day, at_ms)
        events += [join(at_ms + n * MINUTE_MS // 22, "u1", "room1") for n in range(4800)]
    return events


def test_nothing_is_lost_for_where_free_memory_lies():
    events, roomy = days(), msgspec.structs.replace(FLEETING, memory_bytes=64_000_000)
    little, plenty = State(FLEETING), State(roomy)
    for begin in range(0, len(events), 3000):
        part = events[begin : begin + 3000]
        for state in (little, plenty):
            fold(state, part, first_seq=begin + 1)
        np.testing.assert_array_equal(
            all_features(little, users_of(part), items_of(part), part[-1].time),
            all_features(plenty, users_of(part), items_of(part), part[-1].time),
        )
        assert_is_sound(little)

    assert little.sizes == plenty.sizes._replace(compacted=3)
    assert (plenty.sizes.compacted, plenty.sizes.evicted, plenty.sizes.lost) == (0, 0, 0)


def users_of(events):
    return sorted({event.user for event in events if not isinstance(event, Item)})[::40]


def items_of(events):
    return sorted({event.item for event in events if not isinstance(event, Edge)})[::20]


@pytest.mark.parametrize("batch", [1, 1009])
def test_gaps_are_closed_at_the_same_event_in_any_batches(batch):
    events = days(5)
    whole = fold(State(FLEETING), events)
    assert whole.sizes.compacted == 2
    assert bits(fold(State(FLEETING), events, batch=batch)) == bits(whole)


def test_a_snapshot_of_a_state_whose_gaps_were_closed_goes_on_like_it(tmp_path):
    origin = Origin(identity="log", generation=1, max_future_ms=0.0, last_event="")
    events, half = days(5), 28_000
    state = fold(State(FLEETING), events[:half])
    assert state.sizes.compacted == 1
    write_snapshot(state, tmp_path / "one", origin=origin)

    loaded = load_snapshot(tmp_path / "one", FLEETING, origin=origin).state

    for one in (state, loaded):
        fold(one, events[half:], first_seq=half + 1)
    assert state.sizes.compacted == 2
    assert bits(loaded) == bits(state)


def test_what_is_all_of_one_moment_gives_way_too():
    events = [
        Ranking(time=START_MS, id=f"q{n}", user=f"u{n}", items=[f"r{n}-{k}" for k in range(40)])
        for n in range(300)
    ]
    state = fold(State(FLEETING), events)

    assert state.sizes.lost == 0
    assert state.sizes.compacted > 1
    assert state.sizes.evicted > 1000
    assert_is_sound(state)
    last = all_features(state, ["u299"], [f"r299-{k}" for k in range(40)], START_MS)[0]
    known = last[:, SPEC.names.index("item_impression_forever")]
    assert (known == 1).all()


@settings(max_examples=15)
@given(logs(min_size=5), logs(), st.floats(0.0, 1.0))
def test_items_that_are_numbered_anew_stay_who_they_are(events, later, share):
    few, many = with_gaps(events, share), with_gaps(events, share)
    many.store.arrays.header[ITEMS_NUMBERED] = MAX_ITEMS - 10
    for part in (later[:3], [*later[3:], join(START_MS)]):
        for state in (few, many):
            fold(state, part, first_seq=state.seq + 1)
        many.store.arrays.header[ITEMS_NUMBERED] = MAX_ITEMS - 2  # one more, and all were given out
    for state in (few, many):
        fold(state, [join(START_MS)], first_seq=state.seq + 1)

    assert many.store.arrays.header[ITEMS_NUMBERED] < 30
    assert many.sizes.lost == 0
    assert_is_sound(many)
    np.testing.assert_array_equal(all_features(many), all_features(few))
