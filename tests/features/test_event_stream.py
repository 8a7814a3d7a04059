"""Events one by one make the stream that a frame of them makes, to the bit."""

from dataclasses import fields

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import BARE, CONFIGS, REQUEST_FIELDS, SCHEMA, START_MS, USERS, logs, times

from liverank.config import Config, Impressions, Label
from liverank.events.event import Edge, ExperimentChange, Interaction, Item, User
from liverank.events.frame import frame_of
from liverank.events.log import Log, TailEvent
from liverank.events.wire import decode_event, encode_event
from liverank.features.layout.derived_layout import layout_of
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.features.stream.single_events import EventStreams

LAYOUTS = (
    *(layout_of(SCHEMA, config) for config in CONFIGS),
    layout_of(BARE, CONFIGS[0]),
    layout_of(BARE, CONFIGS[1]),
    layout_of(SCHEMA, Config(label=CONFIGS[1].label, impressions=Impressions(source="ranking"))),
)
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.datetimes().map(str),
    st.lists(st.one_of(st.text(max_size=4), st.integers(-9, 9), st.sampled_from((0.5, -0.0)))),
)
names = (*SCHEMA.items, *SCHEMA.users, *SCHEMA.requests, "unheard of")
odd_fields = st.dictionaries(st.sampled_from(names), odd_values, max_size=5)
odd_events = st.one_of(
    st.builds(
        Interaction,
        time=times(),
        type=st.sampled_from(("join", "click", "long_join", "leave", "?")),
        user=st.text(min_size=1, max_size=4),
        item=st.sampled_from(USERS),
        value=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.just(-0.0)),
        fields=st.one_of(REQUEST_FIELDS, odd_fields),
    ),
    st.builds(Item, time=st.integers(0, 2**47), item=st.sampled_from(USERS), fields=odd_fields),
    st.builds(User, time=st.integers(0, 2**47), user=st.sampled_from(USERS), fields=odd_fields),
    st.builds(
        Edge,
        time=times(),
        user=st.sampled_from(USERS),
        relation=st.text(min_size=1, max_size=4),
        target=st.text(min_size=1, max_size=4),
        active=st.booleans(),
    ),
    st.builds(
        ExperimentChange,
        time=times(),
        experiment=st.just("e"),
        action=st.just("started"),
        fields=odd_fields,
    ),
)
events = st.one_of(logs(), st.lists(odd_events, max_size=12), st.lists(odd_events, max_size=2))


def arrived(one: TailEvent) -> int:
    return one.arrived_ms


def of_frame(told: list[TailEvent], layout, max_future_ms: float) -> Stream:
    frame = frame_of([one.event for one in told], seqs=[one.seq for one in told])
    frame = frame.with_columns(pl.Series("arrived", list(map(arrived, told)), pl.Int64))
    return stream_of(frame, layout, max_future_ms=max_future_ms)


def assert_equal_bits(one: Stream, other: Stream) -> None:
    for name in [field.name for field in fields(Stream) if field.name != "clamped"]:
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), name
        assert mine.tobytes() == theirs.tobytes(), name
        assert mine.flags.writeable, name
    assert one.clamped == other.clamped


@given(
    batches=st.lists(events, min_size=1, max_size=3),
    layout=st.sampled_from(LAYOUTS),
    max_future_ms=st.sampled_from((0.0, 1.0, 300_000.0, np.inf)),
    data=st.data(),
)
def test_events_and_a_frame_of_them_make_one_stream(batches, layout, max_future_ms, data):
    streams = EventStreams(layout, max_future_ms=max_future_ms)
    for batch in batches:
        clocks = st.one_of(times(), st.just(START_MS), st.integers(0, 2**47))
        told = [
            TailEvent(seq, data.draw(clocks), decode_event(encode_event(event)))
            for seq, event in enumerate(batch, start=data.draw(st.integers(1, 2**40)))
        ]
        assert_equal_bits(streams.of(told), of_frame(told, layout, max_future_ms))


@pytest.mark.parametrize("value", [29.9, 30.0, 1e38, 1.1e38, 1e300, -1e300, -0.0, 0.0, None])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_value_is_counted_as_in_a_frame(layout, value):
    join = Interaction(time=1, type="join", user="u", item="i", value=value)
    told = [TailEvent(1, 1, join)]
    assert_equal_bits(EventStreams(layout, max_future_ms=0.0).of(told), of_frame(told, layout, 0.0))


def test_hashes_are_right_after_more_texts_than_are_remembered(monkeypatch):
    monkeypatch.setattr("liverank.features.stream.single_events._MOST_TEXTS", 3)
    layout = LAYOUTS[0]
    streams = EventStreams(layout, max_future_ms=0.0)
    for number in range(6):
        told = [TailEvent(n, 0, User(time=0, user=f"u{n % 4 + number}")) for n in range(1, 6)]
        assert_equal_bits(streams.of(told), of_frame(told, layout, 0.0))


def test_what_the_tail_gives_and_what_a_read_of_it_gives_make_one_stream(tmp_path):
    label = Label(interaction="join", min_value=30.0)
    layout = layout_of(SCHEMA, Config(label=label))
    with Log.open(tmp_path) as log:
        log.append(
            [
                Item(time=5, item="room0", state="started", fields={"topics": ["ai", 7.0]}),
                Interaction(time=9, type="join", user="u1", item="room0", value=31.0),
            ],
            arrived_ms=7,
        )
        told = log.read_tail(1, rows=10)
        assert told is not None
        (frame,) = log.read()
    assert_equal_bits(
        EventStreams(layout, max_future_ms=0.0).of(told.events),
        stream_of(frame, layout, max_future_ms=0.0),
    )
