"""State stays bounded: what is swept and evicted, what survives, and that nothing leaks."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import SCHEMA, START_MS
from sound_state import assert_is_sound

from liverank.config import Config, Label
from liverank.events.event import Edge, Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

MINUTE_MS, DAY_MS = 60_000, 86_400_000
LASTING = derive_spec(SCHEMA, Config(label=Label(interaction="join")))
"""Rows lie idle for 140 days before they are swept."""
FLEETING = msgspec.structs.replace(
    LASTING, layout=msgspec.structs.replace(LASTING.layout, idle_ms=10.0 * MINUTE_MS)
)
"""Rows lie idle for ten minutes."""
PROGRAMS = {spec: compile_spec(spec) for spec in (LASTING, FLEETING)}


def state_of(spec, events, *, memory_bytes=None):
    layout = spec.layout
    if memory_bytes is not None:
        layout = msgspec.structs.replace(layout, memory_bytes=memory_bytes)
    state = State(layout)
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    state.fold(stream_of(frame, layout, max_future_ms=0.0))
    return state


def value(state, spec, name, *, at_ms, user="u1", item="room0"):
    row = state.read(
        PROGRAMS[spec],
        user=hash_id(user),
        at_ms=float(at_ms),
        items=hash_ids([item]),
        request=new_request(spec.layout),
        positions=np.zeros(1),
    )
    return row[0, spec.names.index(name)]


def join(at_ms, user="u1", item="room0"):
    return Interaction(time=int(at_ms), type="join", user=user, item=item)


def test_rows_that_nothing_touched_for_too_long_are_swept():
    visits = [join(START_MS + n * 1000) for n in range(3000)]
    visits[0] = join(START_MS, "gone", "ended")
    visits[10::500] = [join(e.time, "now and then", "regular") for e in visits[10::500]]
    at_ms = START_MS + 3_000_000

    state = state_of(FLEETING, visits)

    assert np.isnan(value(state, FLEETING, "item_known_s", item="ended", at_ms=at_ms))
    assert value(state, FLEETING, "item_known_s", item="regular", at_ms=at_ms) == 2990
    assert value(state, FLEETING, "user_visits", user="gone", at_ms=at_ms) == 0
    assert value(state, FLEETING, "user_visits", user="now and then", at_ms=at_ms) == 1
    assert state.sizes.swept > 0
    assert state.sizes.evicted == 0
    assert_is_sound(state)


@pytest.mark.parametrize("place", [0, 1, 1000])
@pytest.mark.parametrize("days", [3650, -3650])
def test_one_wrong_clock_sweeps_nothing(place, days):
    visits = [join(START_MS + n * MINUTE_MS, f"u{n}", f"room{n % 7}") for n in range(6000)]
    visits[place] = join(START_MS + days * DAY_MS, "astray", "room0")

    state = state_of(LASTING, visits)

    assert state.sizes.swept <= (days < 0), "but for what lay idle for ten years"
    assert value(state, LASTING, "user_join_forever", user="u2", at_ms=START_MS + DAY_MS) == 1


def test_a_life_that_was_swept_away_is_not_taken_back():
    host = {"host": "h1"}
    events = [
        Item(time=START_MS, item="room0", state="started", fields=host),
        Item(time=START_MS + MINUTE_MS, item="room0", state="ended"),
        *(Item(time=START_MS + n * 1000, item="room2") for n in range(60, 3000)),
        Item(time=START_MS + 3_000_000, item="room0", state="started"),
        Item(time=START_MS + 3_000_000, item="room1", state="started"),
        Item(time=START_MS + 3_090_000, item="room1", state="ended"),
    ]

    state = state_of(FLEETING, events)

    assert state.sizes.swept == 2, "the rows of the host and of all"
    left_s = value(state, FLEETING, "item_left_s", at_ms=START_MS + 3_000_000)
    assert left_s == 90, "of a host without lives, as long as all others"


def test_memory_is_bounded_and_the_latest_survive():
    memory = 3_000_000
    visits = [join(START_MS + n * 1000, f"p{n}", f"room{n // 10}") for n in range(12_000)]
    latest = START_MS + 12_000_000

    state = state_of(LASTING, visits, memory_bytes=memory)

    sizes = state.sizes
    assert sizes.bytes < 1.2 * memory
    assert sizes.evicted > 5_000
    assert (sizes.swept, sizes.lost) == (0, 0)
    for n in range(11_900, 12_000):
        assert value(state, LASTING, "user_join_forever", user=f"p{n}", at_ms=latest) == 1
    assert value(state, LASTING, "item_join_forever", item="room1199", at_ms=latest) == 10
    assert value(state, LASTING, "user_join_forever", user="p0", at_ms=latest) == 0
    assert_is_sound(state)


def test_the_least_memory_takes_a_ranking_of_thousands():
    items = [f"r{n}" for n in range(5000)]
    ranking = Ranking(time=START_MS, id="q", user="u1", items=items)

    state = state_of(LASTING, [ranking], memory_bytes=64_000_000)

    assert state.sizes.lost == 0
    assert value(state, LASTING, "user_impression_forever", at_ms=START_MS) == 5000


def test_an_event_without_room_is_lost_and_counted():
    state = state_of(LASTING, [join(START_MS)], memory_bytes=4_000)

    assert state.sizes.lost == 1
    assert value(state, LASTING, "user_join_forever", at_ms=START_MS) == 0


@settings(max_examples=20)
@given(st.booleans(), st.integers(0, 2**32), st.sampled_from((500, 3_000, 20_000)))
def test_whatever_comes_and_goes_no_word_leaks_and_no_row_hides(is_fleeting, seed, gap_ms):
    spec = FLEETING if is_fleeting else LASTING
    random = np.random.default_rng(seed)
    at_ms = START_MS + np.cumsum(random.integers(0, 2 * gap_ms, 4000))
    kinds = random.integers(0, 10, 4000)
    users, items = (random.zipf(1.3, 4000) % 2000 for _ in range(2))
    events = [
        Edge(time=int(at), user=f"u{user}", relation="follow", target=f"u{item}", active=kind == 0)
        if kind < 2
        else Item(time=int(at), item=f"i{item}", state="ended", fields={"host": f"h{user}"})
        if kind < 3
        else Interaction(
            time=int(at), type="join" if kind < 6 else "leave", user=f"u{user}", item=f"i{item}"
        )
        for at, kind, user, item in zip(at_ms, kinds, users, items, strict=True)
    ]

    state = state_of(spec, events, memory_bytes=None if is_fleeting else 700_000)

    assert_is_sound(state)
    assert state.sizes.evicted + state.sizes.swept > 0
    recent = {event.user for event in events[-20:] if isinstance(event, Interaction)}
    for user in recent:
        assert value(state, spec, "user_visits", user=user, at_ms=at_ms[-1]) > 0
