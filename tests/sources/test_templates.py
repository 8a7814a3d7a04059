"""The language of [[sources.events]]: what it gives, and what it says when it is misused."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.config_sources import Source
from liverank.errors import ConfigError, SourceError
from liverank.events.sources.mapping.expressions import Value, cast_to, value_of
from liverank.events.sources.mapping.field_columns import json_of
from liverank.events.sources.mapping.mapping import parse_source
from liverank.events.sources.mapping.templates import Hole, parse_template
from liverank.events.sources.mapping.times import moment_of


def values_of(template: str, frame: pl.DataFrame) -> list[object]:
    value = value_of(parse_template(template, where="key"), frame.schema, where="key")
    return frame.select(value.expression).to_series().to_list()


def test_a_lone_hole_keeps_its_type_and_text_around_it_makes_text() -> None:
    frame = pl.DataFrame({"n": [1, 2], "t": ["a", None]})
    assert values_of("{n}", frame) == [1, 2]
    assert values_of("{ n }-{t}!", frame) == ["1-a!", None]
    assert values_of("just text", frame) == ["just text"]


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="{}"), min_size=1))
def test_text_without_braces_stands_for_itself(text: str) -> None:
    assert parse_template(text, where="key").pieces == (text,)


def test_doubled_braces_are_braces() -> None:
    assert values_of("{{{n}}}", pl.DataFrame({"n": [7]})) == ["{7}"]


def test_steps_run_from_left_to_right() -> None:
    frame = pl.DataFrame({"c": ["N1-1 N2-0  N3-1 N1-1", "", None]})
    assert values_of("{c | split}", frame)[0] == ["N1-1", "N2-0", "N3-1", "N1-1"]
    clicked = "{c | split | ending '-1' | drop_end '-1' | unique}"
    assert values_of(clicked, frame) == [["N1", "N3"], [], None]
    assert values_of("{c | split ' ' | drop_end '-0' '-1'}", frame)[0] == [
        "N1", "N2", "", "N3", "N1",
    ]  # fmt: skip
    assert values_of("{c | drop_end '-1'}", frame)[0] == "N1-1 N2-0  N3-1 N1"


def test_an_argument_may_hold_a_bar_or_a_brace() -> None:
    assert values_of("{c | split '|'}", pl.DataFrame({"c": ["a|b"]})) == [["a", "b"]]
    assert values_of("{c | drop_end '}'}", pl.DataFrame({"c": ["a}"]})) == ["a"]


def test_endings_are_text_and_no_patterns() -> None:
    assert values_of("{c | drop_end '.'}", pl.DataFrame({"c": ["ab", "a."]})) == ["ab", "a"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{n", "no partner"),
        ("n}", "no partner"),
        ("{}", "no name"),
        ("{ | split}", "no name"),
        ("{n | upper}", 'unknown step "upper"; expected one of split'),
        ("{n | split ,}", "single quotes"),
        ("{n | split ',' ';'}", "takes 0 to 1 arguments, got 2"),
        ("{n | drop_end}", "takes 1 to 9 arguments, got 0"),
        ("", "is empty"),
    ],
)
def test_a_malformed_template_is_an_error_that_names_its_key(template: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"`sources\[0\].*{message}"):
        parse_template(template, where="sources[0].events[0].item")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{m}", "{m}, which is not there; there are: n, t, l"),
        ("{n | split}", "Int64, but `split` wants text"),
        ("{t | ending 'x'}", "String, but `ending` wants a list of texts"),
        ("{t | unique}", "String, but `unique` wants a list"),
        ("a{l}", "puts the list {l} inside a text"),
    ],
)
def test_a_template_that_does_not_fit_its_file_says_so(template: str, message: str) -> None:
    frame = pl.DataFrame({"n": [1], "t": ["a"], "l": [["a"]]})
    with pytest.raises(SourceError) as error:
        values_of(template, frame)
    assert message in str(error.value)


def test_a_number_that_is_none_is_a_problem_of_its_row_alone() -> None:
    frame = pl.DataFrame({"n": ["1.5", "two", None, "NaN"]})
    value = value_of(parse_template("{n | number}", where="k"), frame.schema, where="k")
    assert frame.select(value.expression).to_series().to_list() == [1.5, None, None, None]
    problems = frame.select(value.problems[0]).to_series().to_list()
    assert problems == [None, "`k`: {n} is not a number: two", None, None]


def test_fields_become_json_without_nulls() -> None:
    frame = pl.DataFrame(
        {"s": ['a"}', None], "n": [1, None], "f": [float("nan"), None], "l": [["x", None], None]}
    )
    fields = {name: Value(pl.col(name), frame.schema[name]) for name in frame.columns}
    texts = frame.select(json_of(fields, where="fields").expression).to_series().to_list()
    assert texts == ['{"s":"a\\"}","n":1,"l":["x"]}', None]


def test_lists_and_single_values_are_not_taken_for_each_other() -> None:
    with pytest.raises(SourceError, match=r"`items` wants a list.*split"):
        cast_to(pl.List(pl.String()), Value(pl.col("x"), pl.String()), where="items")
    with pytest.raises(SourceError, match=r"`item` wants one value.*for_each"):
        cast_to(pl.String(), Value(pl.col("x"), pl.List(pl.String())), where="item")


def moments_of(given: pl.Series, time_format: str | None = None, zone: str = "UTC") -> list[object]:
    frame = given.alias("at").to_frame()
    value = moment_of(Value(pl.col("at"), frame.schema["at"]), time_format, zone, where="time")
    return frame.select(value.expression).to_series().to_list()


@pytest.mark.parametrize(
    ("given", "time_format", "zone"),
    [
        (pl.Series(["2026-11-23T10:00:00Z"]), None, "UTC"),
        (pl.Series(["2026-11-23T10:00:00.000+00:00"]), None, "Europe/Berlin"),
        (pl.Series(["2026-11-23 11:00:00"]), None, "Europe/Berlin"),
        (pl.Series(["1795428000000"]), None, "UTC"),
        (pl.Series([1_795_428_000_000]), None, "UTC"),
        (pl.Series([1_795_428_000]), "unix_s", "UTC"),
        (pl.Series(["1795428000.0"]), "unix_s", "UTC"),
        (pl.Series([1_795_428_000_000_000]), "unix_us", "UTC"),
        (pl.Series(["11/23/2026 10:00:00 AM"]), "%m/%d/%Y %I:%M:%S %p", "UTC"),
        (pl.Series(["23.11.2026 11:00"]), "%d.%m.%Y %H:%M", "Europe/Berlin"),
        (pl.Series(["2026-11-23T10:00:00Z"]).str.to_datetime("%+"), None, "Europe/Berlin"),
        (pl.Series(["2026-11-23 10:00:00"]).str.to_datetime(), None, "UTC"),
    ],
)
def test_one_moment_in_many_spellings(given: pl.Series, time_format: str | None, zone: str) -> None:
    assert moments_of(given, time_format, zone) == [1_795_428_000_000]


def test_what_is_no_moment_becomes_null() -> None:
    assert moments_of(pl.Series(["soon", "", "2026-13-01", None])) == [None] * 4
    assert moments_of(pl.Series(["2026-03-29 02:30:00"]), None, "Europe/Berlin") == [None]


USER = {"event": "user", "time": "{t}", "user": "{u}"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(files="*", events=()), "`sources[2].events` is empty"),
        (Source(files="*", events=({},)), "`sources[2].events[0].event` is None; expected one of"),
        (Source(files="*", events=({"event": "user"},)), "`sources[2].events[0].time` is missing"),
        (Source(files="*", events=({**USER, "x": 1},)), "`sources[2].events[0].x` is no key"),
        (Source(files="*", events=({**USER, "time": "now"},)), 'such as "2026'),
        (Source(files="*", events=({**USER, "time": ["{t}"]},)), "expected one time"),
        (Source(files="*", events=({**USER, "user": {}},)), "expected a text with {columns}"),
        (Source(files="*", events=({**USER, "fields": "{f}"},)), "expected a table"),
        (Source(files="*", events=({**USER, "when": {"a": None}},)), "when.a"),
        (Source(files="*", events=({**USER, "before": "long"},)), "expected a duration"),
        (Source(files="*", events=({**USER, "before": "forever"},)), "expected a duration"),
        (Source(files="*", events=({**USER, "for_each": 3},)), "for_each"),
        (Source(files="*", events=(USER,), time_zone="Mars"), "`sources[2].time_zone`"),
        (Source(files="*", events=(USER,), time_format="soon"), "`sources[2].time_format`"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused_when_it_is_parsed(
    source: Source, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        parse_source(source, where="sources[2]")
    assert message in str(error.value)


def test_parsing_keeps_columns_apart_from_text() -> None:
    assert parse_template("a{b}c", where="x").pieces == ("a", Hole("b", ()), "c")
