"""Events become words of state: fields in their types, times that are held back, types."""

import math

import numpy as np
import polars as pl
import pytest
from small_logs import SCHEMA, START_MS

from liverank.config import Config, Label
from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.events.frame import empty_frame, frame_of
from liverank.events.schema.field_types import level_of, profile_field
from liverank.features.hashing import hash_id
from liverank.features.layout.derived_layout import layout_of
from liverank.features.stream.event_arrays import field_words, stream_of

LAYOUT = layout_of(SCHEMA, Config(label=Label(interaction="join", min_value=30.0)))
FIVE_MINUTES = 300_000.0


def stream(*events, arrived_ms=None):
    frame = frame_of(events, seqs=range(1, len(events) + 1), arrived_ms=arrived_ms)
    return stream_of(frame, LAYOUT, max_future_ms=FIVE_MINUTES)


def word_of(name, value, entity="item"):
    """The first word that a field's value sets, as a hash or as a number."""
    words, bits = field_words({name: value}, entity, LAYOUT)
    field = LAYOUT.field(entity, name)
    assert words[0] == field.offset
    return int(bits[0]) if field.type in ("category", "key") else float(bits[:1].view(float)[0])


@pytest.mark.parametrize("value", ["en", 3, 3.0, 2.5, True, False, -0.0, 10**30, 1e30])
def test_a_category_is_found_among_its_levels_however_it_is_spelled(value):
    (level,) = profile_field("language", [value]).levels
    assert word_of("language", value) == hash_id(level) == hash_id(level_of(value))


def test_whole_numbers_name_the_same_id_with_and_without_a_point():
    assert word_of("host", 7) == word_of("host", 7.0) == word_of("host", "7")


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (3, 3.0),
        (2.5, 2.5),
        (True, 1.0),
        ("4.5", 4.5),
        ("many", math.nan),
        (None, math.nan),
        (["3"], math.nan),
        ("inf", math.nan),
        (1e300, math.nan),
        (10**400, math.nan),
    ],
)
def test_a_number_is_read_or_unknown_and_always_fits_a_feature(given, number):
    assert word_of("size", given) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize(
    ("given", "at_ms"),
    [
        (START_MS, START_MS),
        ("2026-11-23T00:00:00Z", START_MS),
        ("2026-11-23T01:00:00+01:00", START_MS),
        ("2026-11-23T00:00:00", START_MS),
        ("soon", math.nan),
        (None, math.nan),
    ],
)
def test_a_time_is_read_with_or_without_its_zone(given, at_ms):
    assert word_of("opens", given) == pytest.approx(at_ms, nan_ok=True)


@pytest.mark.parametrize(
    ("given", "elements"),
    [
        (["ai", "go"], ["ai", "go"]),
        (["ai", "go", "ai"], ["ai", "go"]),
        ([7, 7.0, "7"], ["7"]),
        ("ai", ["ai"]),
        ([], []),
        ([str(n) for n in range(12)], [str(n) for n in range(8)]),
    ],
)
def test_a_list_keeps_its_first_eight_distinct_elements(given, elements):
    _, bits = field_words({"topics": given}, "item", LAYOUT)
    assert bits[:1].view(float)[0] == len(elements)
    assert [int(word) for word in bits[1:]] == [hash_id(element) for element in elements]


def test_a_title_is_its_first_eight_words():
    _, bits = field_words({"title": "AI tonight: a talk on ai and more"}, "item", LAYOUT)
    words = ["ai", "tonight", "talk", "and", "more"]
    assert bits[:1].view(float)[0] == len(words)
    assert [int(word) for word in bits[1:]] == [hash_id(word) for word in words]


@pytest.mark.parametrize("name", ["topics", "title"])
def test_a_list_that_is_null_is_unknown_and_an_empty_one_is_not(name):
    assert math.isnan(word_of(name, None))
    assert word_of(name, [] if name == "topics" else "") == 0


def test_fields_that_no_feature_reads_set_nothing():
    words, _ = field_words({"nobody's": "AI tonight", "unheard": 1}, "item", LAYOUT)
    assert len(words) == 0


def test_a_clock_that_runs_far_ahead_counts_as_the_arrival():
    ahead = stream(User(time=START_MS + 400_000, user="u1"), arrived_ms=START_MS)
    assert (ahead.at[0], ahead.clamped) == (START_MS, 1)
    near = stream(User(time=START_MS + 300_000, user="u1"), arrived_ms=START_MS)
    assert (near.at[0], near.clamped) == (START_MS + FIVE_MINUTES, 0)
    late = stream(User(time=0, user="u1"), arrived_ms=START_MS)
    assert (late.at[0], late.clamped) == (0.0, 0)


def test_a_success_is_counted_by_its_value_beside_its_type():
    def join(value):
        return Interaction(time=START_MS, type="join", user="u", item="i", value=value)

    seen = stream(join(None), join(29.9), join(30.0))
    join_type, success = LAYOUT.type_index("join"), LAYOUT.type_index("long_join")
    assert seen.type.tolist() == [join_type] * 3
    assert seen.also.tolist() == [-1, -1, success]


def test_a_value_that_fits_no_feature_is_none():
    sent = [1e300, -1e300, 5.0, None]
    seen = stream(*(Interaction(time=1, type="join", user="u", item="i", value=v) for v in sent))
    np.testing.assert_array_equal(seen.value, [math.nan, math.nan, 5.0, math.nan])


def test_types_that_are_made_here_are_not_taken_from_the_wire():
    sent = ("impression", "long_join", "unheard", "join")
    seen = stream(*(Interaction(time=1, type=name, user="u", item="i") for name in sent))
    assert seen.type.tolist() == [-1, -1, -1, LAYOUT.type_index("join")]


def test_each_kind_of_event_alone_makes_a_stream():
    events = [
        Item(time=5, item="room0", state="ended", fields={"size": 3}),
        User(time=5, user="u1"),
        Edge(time=5, user="u1", relation="follow", target="u2"),
        Ranking(time=5, id="q", user="u1", items=["a", "b"]),
        Interaction(time=5, type="join", user="u1", item="a"),
    ]
    together = stream(*events)
    assert together.items.tolist() == [hash_id("a"), hash_id("b")]
    assert together.items_offsets.tolist() == [0, 0, 0, 0, 2, 2]
    for place, event in enumerate(events):
        alone = stream(event)
        assert alone.kind[0] == together.kind[place]
        assert alone.user[0] == together.user[place]
        assert alone.set_offsets[1] == np.diff(together.set_offsets)[place]


def test_no_events_make_an_empty_stream():
    assert len(stream_of(empty_frame(), LAYOUT, max_future_ms=FIVE_MINUTES)) == 0


def test_frames_of_one_chunk_and_of_several_give_arrays_of_one_type_to_compile_for():
    frame = frame_of([User(time=0, user="u1"), User(time=1, user="u2")], seqs=[1, 2])
    chunked = pl.concat([frame[:1], frame[1:]], rechunk=False)
    assert chunked.n_chunks() == 2

    for one in (frame, chunked):
        arrays = stream_of(one, LAYOUT, max_future_ms=0.0).arrays()
        assert all(array.flags.writeable for array in arrays)
