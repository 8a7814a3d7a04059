"""Decoding and encoding of the six events."""

import calendar
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import EventError
from liverank.events.event import (
    MAX_TIME_MS,
    Edge,
    Event,
    ExperimentChange,
    Interaction,
    Item,
    Ranking,
    User,
    dedup_id,
)
from liverank.events.wire import Decoded, decode_event, decode_events, encode_event

pytestmark = pytest.mark.usefixtures("any_time")

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
times = st.integers(0, MAX_TIME_MS)
numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | ids
fields = st.dictionaries(ids, scalars | st.lists(ids | st.integers(-9, 9), max_size=3), max_size=3)


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    items = draw(st.lists(ids, unique=True, max_size=5))
    others = draw(st.none() | st.lists(ids.filter(lambda one: one not in items), unique=True))
    beside = {"min_size": len(items), "max_size": len(items)}
    row_bytes = 4 * len(items if others is None else items + others)
    named = len(items) if others is None else len(items + others)
    vectors = st.binary(min_size=2 * row_bytes, max_size=2 * row_bytes)
    return Ranking(
        time=draw(times),
        id=draw(ids),
        user=draw(ids),
        items=items,
        surface=draw(ids),
        variant=draw(st.none() | ids),
        model=draw(st.none() | ids),
        cut=draw(st.none() | st.integers(0, 2**63 - 1)),
        generation=draw(st.none() | st.integers(1, 2**63 - 1)),
        scores=draw(st.none() | st.lists(numbers, **beside)),
        propensities=draw(st.none() | st.lists(st.floats(1e-9, 1), **beside)),
        candidates=None if others is None else draw(st.permutations([*items, *others])),
        candidate_count=draw(st.none() | st.integers(max(named, 1), 2**63 - 1)),
        vectors=draw(st.none() | vectors) if row_bytes else None,
        fields=draw(fields),
    )


states = st.sampled_from(["scheduled", "started", "updated", "ended"])
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Item, time=times, item=ids, state=states, fields=fields, id=st.none() | ids),
    st.builds(User, time=times, user=ids, fields=fields, id=st.none() | ids),
    st.builds(Edge, time=times, user=ids, relation=ids, target=ids, active=st.booleans()),
    rankings(),
    st.builds(
        Interaction,
        time=times,
        type=ids,
        user=ids,
        item=ids,
        ranking=st.none() | ids,
        value=st.none() | st.floats(-1e38, 1e38),  # what a door takes
        fields=fields,
        id=st.none() | ids,
    ),
    st.builds(
        ExperimentChange,
        time=times,
        experiment=ids,
        action=st.sampled_from(["started", "ramped", "stopped", "decided"]),
        fields=fields,
        id=st.none() | ids,
    ),
)


@given(events)
def test_an_encoded_event_decodes_to_an_equal_one(event):
    assert decode_event(encode_event(event)) == event


@given(st.lists(events, max_size=6))
def test_arrays_and_lines_decode_alike(batch):
    bodies = [encode_event(event) for event in batch]
    expected = Decoded(batch, list(range(len(batch))), [])
    assert decode_events(b"[" + b",".join(bodies) + b"]") == expected
    assert decode_events(b"\n".join(bodies)) == expected


@given(st.binary() | st.text().map(str.encode) | st.text().map(lambda t: json.dumps(t).encode()))
def test_bytes_of_any_kind_raise_nothing_but_event_error(body):
    for decode in (decode_event, decode_events):
        try:
            decode(body)
        except EventError as error:
            reason = str(error)
            assert "\n" not in reason


json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ids, inner, max_size=3)
)
field_names = st.sampled_from(
    ["event", "time", "id", "user", "item", "state", "fields", "items", "type", "scores", "x"]
)
near_events = st.dictionaries(
    field_names, json_values | st.sampled_from(["user", "item", "ranking", "interaction"])
)


@given(near_events)
def test_json_that_is_almost_an_event_raises_nothing_but_event_error(fields):
    body = json.dumps(fields, ensure_ascii=True).encode()
    decoded = decode_events(body)
    assert len(decoded.events) + len(decoded.rejected) == 1


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()))
def test_rfc_3339_times_become_unix_milliseconds(moment):
    utc = moment.astimezone(UTC)
    event = decode_event(json.dumps({"event": "user", "time": utc.isoformat(), "user": "u1"}))
    assert event.time == calendar.timegm(utc.timetuple()) * 1000 + utc.microsecond // 1000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            '{"event":"usr","time":0}',
            "Invalid value 'usr' - at `$.event`; expected one of item, user, edge, ranking, "
            "interaction, experiment, autopilot",
        ),
        (
            '{"time":0}',
            "Object missing required field `event`; expected one of item, user, edge, ranking, "
            "interaction, experiment, autopilot",
        ),
        (
            '{"event":"experiment","time":0,"experiment":"e","action":"begun"}',
            "Invalid enum value 'begun' - at `$.action`; expected one of started, ramped, stopped, "
            "decided",
        ),
        (
            '{"event":"user","time":0,"user":"u1","country":"GB"}',
            "Object contains unknown field `country` - at `$.country`; expected for `user`: event, "
            "time, user, fields, id",
        ),
        (
            '{"event":"user","time":"soon","user":"u1"}',
            "Invalid RFC3339 encoded datetime - at `$.time`; expected Unix milliseconds or "
            "RFC 3339, e.g. `2026-11-23T10:00:00Z`",
        ),
        (
            '{"event":"user","time":"2026-11-23T10:00:00","user":"u1"}',
            "A time needs a zone, got `2026-11-23T10:00:00` - at `$.time`; write "
            "`2026-11-23T10:00:00Z` for UTC",
        ),
        (
            '{"event":"user","time":1.5,"user":"u1"}',
            "Expected whole Unix milliseconds from 0 to 253402300799999, or RFC 3339 of those "
            "years, got `1.5` - at `$.time`",
        ),
        (
            '{"event":"item","time":0,"item":"r","fields":{"host":"h","geo":{"lat":1},"to":["a"]}}',
            "Expected `bool | int | float | str | array | null`, got `object` - at `$.fields.geo`",
        ),
        (
            '{"event":"user","time":0,"user":"u","fields":{"a\\nb":1,"c\\nd":["e",null]}}',
            "Expected `int | float | str`, got `null` - at `$.fields.c d[1]`",
        ),
        (
            '{"event":"item","time":0,"item":"r1","state":"begun"}',
            "Invalid enum value 'begun' - at `$.state`; expected one of scheduled, started, "
            "updated, ended",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a",7]}',
            "Expected `str`, got `int` - at `$.items[1]`; send a text, in quotes",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a","b","a"]}',
            "An item stands in a ranking once, got `a` again - at `$.items[2]`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a"],"candidates":["b"]}',
            "Expected one of `candidates`, got `a` - at `$.items[0]`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a","b"],"candidate_count":1}',
            "Expected 2 or more, as so many are named, got `1` - at `$.candidate_count`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a"],"scores":[]}',
            "Expected 1 numbers, one for each of `items`, got 0 - at `$.scores`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a"],"propensities":[0]}',
            "Expected a propensity above 0 and at most 1, got `0.0` - at `$.propensities[0]`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a"],"vectors":"AAAA"}',
            "Expected float32[1, features], 4 bytes for each feature, got 3 bytes - at `$.vectors`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":[],"vectors":"AAAAAA=="}',
            "Expected float32[0, features], 0 bytes for each feature, got 4 bytes - at `$.vectors`",
        ),
        (
            '{"event":"ranking","time":0,"id":"q","user":"u1","items":["a"],"vectors":"?"}',
            "Invalid base64 encoded string - at `$.vectors`",
        ),
        (
            '{"event":"user","time":1795428000.5,"user":"u1"}',
            "Expected whole Unix milliseconds from 0 to 253402300799999, or RFC 3339 of those "
            "years, got `1795428000.5` - at `$.time`; as Unix seconds it would be "
            "2026-11-23T10:00:00Z: send milliseconds, `1795428000500`",
        ),
        (
            '{"event":"user","time":0,"user":"u1","fields":{"a":["b","c\\ude00"]}}',
            "Half of a surrogate pair, `\\ude00` - at `$.fields.a[1]`; send whole characters",
        ),
        (
            '{"event":"user","time":0,"user":"u1","fields":{"a":[-Infinity]}}',
            "`-Infinity` is no JSON - at `$.fields.a[0]`; send a number, or leave it out",
        ),
        (
            b'{"event":"user","time":0,"user":"\xff"}',
            "The text is not UTF-8 (byte 0xff) - at `$.user`; send UTF-8",
        ),
    ],
)
def test_a_refused_event_says_where_what_and_what_is_allowed(body, reason):
    with pytest.raises(EventError) as caught:
        decode_event(body)
    assert str(caught.value) == reason


def test_absurdly_deep_json_is_refused_like_any_other():
    body = '{"event":"user","time":0,"user":"u1","fields":' + '{"a":' * 100_000
    for refused in (body, body.replace("fields", "x"), "[" * 100_000):
        with pytest.raises(EventError):
            decode_event(refused)


def test_whole_numbers_of_milliseconds_may_be_written_with_a_point():
    assert (
        decode_event('{"event":"user","time":1795428000000.0,"user":"u1"}').at_ms == 1795428000000
    )


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_times_at_the_ends_of_the_calendar_are_refused_in_words(time):
    with pytest.raises(EventError, match="Expected whole Unix milliseconds"):
        decode_event(json.dumps({"event": "user", "time": time, "user": "u1"}))


def test_one_bad_event_of_a_batch_is_reported_by_place_and_loses_no_other():
    good = '{"event":"user","time":0,"user":"u1"}'
    bad = '{"event":"user","time":0}'
    for body in (f"[{good},{bad},{good}]", f"{good}\n{bad}\n\n{good}\n"):
        decoded = decode_events(body.encode())
        assert decoded.events == [User(time=0, user="u1")] * 2
        assert decoded.positions == [0, 2]
        assert [place for place, _ in decoded.rejected] == [1]


def test_one_event_spread_over_lines_is_one_event():
    decoded = decode_events(b'{\n "event": "user",\n "time": 0,\n "user": "u1"\n}')
    assert decoded == Decoded([User(time=0, user="u1")], [0], [])


def test_a_broken_array_is_an_error_of_the_whole_body():
    with pytest.raises(EventError, match=r"The array of events is broken: .*; send valid JSON"):
        decode_events(b'[{"event":"user","time":0,"user":"u1"}')


def test_an_empty_body_holds_no_events():
    assert decode_events(b" \n ") == Decoded([], [], [])


def test_ids_of_different_kinds_of_event_do_not_clash():
    assert dedup_id(User(time=0, user="u1", id="7")) != dedup_id(Item(time=0, item="u1", id="7"))
    assert dedup_id(User(time=0, user="u1")) is None
