"""Events come out in the order of time, whatever their order of arrival and the memory there is."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Config, Label
from liverank.errors import DatasetError
from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.features.layout.derived_layout import layout_of
from liverank.features.stream import runs
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.features.stream.stream_parts import events_at, joined, part_of
from liverank.features.stream.time_order import bounds_of, in_time_order, time_sorted

LAYOUT = layout_of(
    Schema(items={"host": "key", "topics": "keys"}, users={"country": "category"}),
    Config(label=Label(interaction="join")),
)
KINDS = {"item": 0, "user": 1, "edge": 2, "ranking": 3, "interaction": 4}
moments = st.integers(0, 6)
names = st.sampled_from(["a", "b", "c"])
logs = st.lists(
    st.one_of(
        st.builds(
            Item,
            time=moments,
            item=names,
            fields=st.sampled_from([{}, {"host": "h"}, {"topics": ["x", "y"]}, {"topics": ["y"]}]),
        ),
        st.builds(User, time=moments, user=names, fields=st.sampled_from([{}, {"country": "GB"}])),
        st.builds(
            Edge, time=moments, user=names, relation=names, target=names, active=st.booleans()
        ),
        st.builds(
            Ranking,
            time=moments,
            id=names,
            user=names,
            items=st.lists(names, max_size=2, unique=True),
        ),
        st.builds(
            Interaction,
            time=moments,
            type=st.sampled_from(["join", "impression"]),
            user=names,
            item=names,
            value=st.sampled_from([None, 1.0]),
        ),
    ),
    min_size=1,
    max_size=30,
)


def stream(events, first_seq=1):
    frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    return stream_of(frame, LAYOUT, max_future_ms=0.0)


def pieces_of(events, size):
    return [stream(events[at : at + size], at + 1) for at in range(0, len(events), size)]


def bounds_for(events, size):
    return bounds_of(
        [
            (at + len(piece), float(min(event.at_ms for event in piece)))
            for at in range(0, len(events), size)
            for piece in [events[at : at + size]]
        ]
    )


def contents(of: Stream):
    """All that a stream says but the order of arrival."""
    return {
        field.name: getattr(of, field.name).tolist()
        for field in fields(Stream)
        if field.name not in ("seq", "clamped", "value")
    } | {"value": np.nan_to_num(of.value, nan=-9.0).tolist()}


@settings(max_examples=80)
@given(
    logs,
    st.randoms(use_true_random=False),
    st.sampled_from([1, 3, 30]),
    st.sampled_from([1, 4, 1000]),
    st.booleans(),
    st.sampled_from([1, 2, 100]),
)
def test_any_order_of_arrival_comes_out_the_same(events, random, size, waiting, knows, block):
    shuffled = random.sample(events, len(events))
    expected = time_sorted(stream(events))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runs, "BLOCK", block)
        found = list(
            in_time_order(
                pieces_of(shuffled, size),
                bounds=bounds_for(shuffled, size) if knows else None,
                most_waiting=waiting,
            )
        )
    assert contents(joined(found)) == contents(expected)
    order = sorted((event.at_ms, KINDS[type(event).__name__.lower()]) for event in events)
    assert list(zip(expected.at, expected.kind, strict=True)) == order


@given(logs, st.data())
def test_parts_and_choices_of_a_stream_are_those_of_its_events(events, data):
    places = data.draw(st.lists(st.integers(0, len(events) - 1), min_size=1, max_size=10))
    begin = data.draw(st.integers(0, len(events) - 1))
    end = data.draw(st.integers(begin + 1, len(events)))
    whole = stream(events)
    chosen = contents(events_at(whole, np.array(places)))
    assert chosen == contents(stream([events[place] for place in places]))
    assert contents(part_of(whole, begin, end)) == contents(stream(events[begin:end]))


def test_events_are_passed_on_as_soon_as_no_earlier_one_can_come():
    events = [User(time=at, user="a") for at in range(100)]
    pieces = iter(pieces_of(events, 10))
    ordered = in_time_order(pieces, bounds=bounds_for(events, 10))
    assert next(ordered).at.tolist() == list(range(10))
    assert next(pieces).at[0] == 10, "no piece was read ahead"


def test_a_full_disk_is_an_error_that_says_what_to_do(monkeypatch):
    class Full:
        def tell(self):
            return 0

        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(runs.tempfile, "TemporaryFile", Full)
    events = [User(time=at, user="a") for at in range(4)]
    with pytest.raises(DatasetError, match=r"no space to sort the history by time; .* set TMPDIR"):
        list(in_time_order(pieces_of(events, 1), most_waiting=1))
