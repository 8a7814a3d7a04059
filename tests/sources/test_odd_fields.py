"""Fields of another type than is declared, through every door: the one bad event is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from liverank.config import Config, FieldType, parse_config
from liverank.config_sources import Source
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.field_values import LARGEST, problem_of_field
from liverank.events.log import Log
from liverank.events.schema.declared import declared_by
from liverank.events.sources.mapping.expressions import Value
from liverank.events.sources.mapping.field_columns import declared_field
from liverank.events.sources.read_events import read_all
from liverank.features.stream import event_arrays
from liverank.serving.http.events_in import take_events

NOON = 1_795_435_200_000
CONFIG = """
[label]
interaction = "join"
[items.fields]
members = "number"
host = "key"
topics = "keys"
language = "category"
title = "text"
starts = "time"
"""
DECLARED = declared_by(parse_config(CONFIG))
GOOD = {
    "members": 12, "host": "u7", "topics": ["ai", "music"], "language": "en", "title": "AI tonight",
    "starts": "2026-11-23T12:00:00Z",
}  # fmt: skip
NAMES = tuple(GOOD)
FIELDS = {name: f"{{{name}}}" for name in NAMES} | {"topics": "{topics | split}"}
OF_JSON = FIELDS | {"topics": "{topics}"}


def source(fields: dict[str, str], pattern: str) -> Source:
    event = {"event": "item", "time": "{time}", "item": "{item}", "fields": fields}
    return Source(files=pattern, events=(event,))


TABLES = [source(FIELDS, "*.?sv"), source(OF_JSON, "mapped.*")]


class Odd(NamedTuple):
    """An odd value of a field: as JSON, as text (None where a text says something else), told."""

    name: str
    value: object
    text: str | None
    told: str


ODD = {
    "a text for a number": Odd("members", "many", "many", 'got `"many"`'),
    "a list for a number": Odd("members", [3], None, "got `[3]`"),
    "a number out of all bounds": Odd("members", 1e300, "1e300", "1e300"),
    "a list for a key": Odd("host", ["u7", "u8"], None, 'got `["u7","u8"]`'),
    "a truth for a key": Odd("host", True, None, "got `true`"),
    "half a host": Odd("host", 2.5, None, "got `2.5`"),
    "a key that lost digits": Odd("host", 2.0**60, None, "exact below 2^53"),
    "a number for keys": Odd("topics", 5, None, "got `5`"),
    "half a topic": Odd("topics", ["ai", 2.5], None, "got `2.5` - at `$.fields.topics[1]`"),
    "a list for a category": Odd("language", ["en"], None, 'declare the field as "keys"'),
    "a truth for a text": Odd("title", True, None, "got `true`"),
    "a list for a text": Odd("title", ["AI", "tonight"], None, 'got `["AI","tonight"]`'),
    "no time": Odd("starts", "soon", "soon", "RFC 3339, e.g. `2026-11-23T10:00:00Z`"),
    "Unix seconds": Odd(
        "starts", 1_795_435_200, "1795435200", "send milliseconds, `1795435200000`"
    ),
    "a day that is none": Odd("starts", "2026-02-30", "2026-02-30", '`"2026-02-30"`'),
    "a truth for a time": Odd("starts", True, None, "got `true`"),
}
TAKEN = {
    "unknown": [("members", None), ("host", None), ("topics", None), ("starts", None)],
    "whole numbers for ids": [("host", 7), ("topics", [1, 2]), ("host", 7.0), ("language", 3)],
    "points, truths and bounds": [("members", 0.5), ("members", True), ("members", -1e38)],
    "times": [("starts", NOON), ("starts", "2026-11-23"), ("starts", "1985-04-01T00:00:00+02:00")],
    "nothing much": [("topics", []), ("title", ""), ("language", False)],
}


def wire(fields: dict[str, object]) -> bytes:
    event = {"event": "item", "time": NOON, "item": "r", "fields": GOOD | fields}
    return json.dumps(event).encode()


def mapped(fields: dict[str, object]) -> bytes:
    return json.dumps({"time": NOON, "item": "r", **GOOD, **fields}).encode()


def batch(odd: Odd, of: Callable[[dict[str, object]], bytes]) -> list[bytes]:
    return [of({}), of({odd.name: odd.value}), of({})]


Told = tuple[int, dict[str, str]]


def by_http(body: bytes, folder: Path) -> Told:
    with Log.open(folder / "log") as log:
        answer = take_events(log, body, arrived_ms=NOON, declared=DECLARED)
    return answer.accepted, {f"[{one.index}]": one.reason for one in answer.rejected}


def by_file(name: str, body: bytes, folder: Path) -> Told:
    (folder / name).write_bytes(body)
    frame, rejected = read_all([folder / name], TABLES, declared=DECLARED)
    assert frame["fields"].null_count() == 0
    return frame.height, dict(rejected.rows())


def table(odd: Odd, mark: str) -> bytes | None:
    if odd.text is None:
        return None
    good = {**GOOD, "topics": "ai music"}
    rows = [good, {**good, odd.name: odd.text}, good]
    lines = [mark.join(map(str, [NOON, "r", *row.values()])) for row in rows]
    return "\n".join([mark.join(["time", "item", *NAMES]), *lines]).encode()


def parquet(odd: Odd, folder: Path) -> Told:
    texts = [json.dumps(GOOD | fields) for fields in ({}, {odd.name: odd.value}, {})]
    rows = {"event": "item", "time": NOON, "item": "r"}
    frame = pl.DataFrame({key: [value] * 3 for key, value in rows.items()} | {"fields": texts})
    frame.write_parquet(folder / "e.parquet")
    return by_file("e.parquet", (folder / "e.parquet").read_bytes(), folder)


def mapped_parquet(odd: Odd, folder: Path) -> Told | None:
    good = GOOD[odd.name]
    if odd.name == "topics" or type(good) is not type(odd.value):
        return None  # a column has one type
    columns = {name: [value] * 3 for name, value in {"time": NOON, "item": "r", **GOOD}.items()}
    columns[odd.name] = [good, odd.value, good]
    path = folder / "mapped.parquet"
    pl.DataFrame(columns, strict=False).write_parquet(path)
    return by_file(path.name, path.read_bytes(), folder)


def delimited(name: str, mark: str) -> Callable[[Odd, Path], Told | None]:
    def through(odd: Odd, folder: Path) -> Told | None:
        body = table(odd, mark)
        return body and by_file(name, body, folder)

    return through


DOORS: dict[str, tuple[Callable[[Odd, Path], Told | None], str]] = {
    "HTTP, an array": (lambda odd, to: by_http(b"[%s]" % b",".join(batch(odd, wire)), to), "[1]"),
    "HTTP, lines": (lambda odd, to: by_http(b"\n".join(batch(odd, wire)), to), "[1]"),
    "JSON": (lambda odd, to: by_file("e.json", b"[%s]" % b",".join(batch(odd, wire)), to), "[1]"),
    "JSON lines": (lambda odd, to: by_file("e.jsonl", b"\n".join(batch(odd, wire)), to), ":2"),
    "JSON lines, mapped": (
        lambda odd, to: by_file("mapped.jsonl", b"\n".join(batch(odd, mapped)), to), ":2",
    ),
    "CSV": (delimited("e.csv", ","), ":row 2"),
    "TSV": (delimited("e.tsv", "\t"), ":row 2"),
    "Parquet": (parquet, ":row 2"),
    "Parquet, mapped": (mapped_parquet, ":row 2"),
}  # fmt: skip
"""The doors, each with the place of the second event; None of what a door cannot hold."""


@pytest.mark.parametrize("name", ODD)
def test_the_one_event_is_refused_by_its_place_and_the_field_at_every_door(
    name: str, tmp_path: Path
) -> None:
    odd, held = ODD[name], 0
    for door, (through, place) in DOORS.items():
        told = through(odd, tmp_path)
        if told is None:
            continue
        held += 1
        taken, reasons = told
        assert taken == 2, (door, reasons)
        (where,) = reasons
        assert where.endswith(place), door
        assert f"`$.fields.{odd.name}" in reasons[where], door
        assert odd.told in reasons[where], (door, reasons)
        assert f'(declared as "{DECLARED.fields["item"][odd.name]}")' in reasons[where], door
    assert held >= 6


@pytest.mark.parametrize("name", TAKEN)
def test_what_features_can_read_is_taken_at_every_door_of_json(name: str, tmp_path: Path) -> None:
    rows = [dict([pair]) for pair in TAKEN[name]]
    lines = b"\n".join(map(wire, rows))
    assert by_http(lines, tmp_path) == (len(rows), {})
    assert by_file("e.jsonl", lines, tmp_path) == (len(rows), {})
    for row in rows:
        assert by_file("mapped.jsonl", mapped(row), tmp_path) == (1, {})
    assert by_file("mapped.jsonl", b"\n".join(map(mapped, [*rows, {}])), tmp_path)[1] == {}


def test_texts_of_a_file_are_read_as_the_declared_type(tmp_path: Path) -> None:
    body = f"time,item,{','.join(NAMES)}\n{NOON},r,12,7,ai,3,2026,{NOON}\n{NOON},r,,,,,,\n"
    (tmp_path / "e.csv").write_text(body)
    frame, rejected = read_all([tmp_path / "e.csv"], TABLES, declared=DECLARED)
    assert rejected.is_empty()
    assert json.loads(frame["fields"].drop_nulls().item()) == {
        "members": 12, "host": "7", "topics": ["ai"], "language": "3", "title": "2026",
        "starts": "2026-11-23T12:00:00.000Z",
    }  # fmt: skip
    assert by_file("mapped.jsonl", mapped({"title": 2026}), tmp_path) == (1, {})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_in_columns_and_in_json(value: float, tmp_path: Path) -> None:
    odd = Odd("members", value, None, "")
    assert by_http(b"\n".join(batch(odd, wire)), tmp_path)[0] == 2
    columns = {"time": [NOON] * 2, "item": ["r"] * 2, "members": [0.5, value]}
    path = tmp_path / "mapped.parquet"
    pl.DataFrame(columns).write_parquet(path)
    fields = source({"members": "{members}"}, "*")
    frame, rejected = read_all([path], [fields], declared=DECLARED)
    assert (frame.height, rejected.height) == (1, 1)
    assert "at `$.fields.members`" in rejected["reason"].item()
    assert read_all([path], [fields])[0].height == 2, "nothing is declared"


COLUMNS = [
    pl.Series([None, 1, 7, 2**60]), pl.Series([None, 0.5, 7.0, -1e38, 2e38, 2.0**60, float(NOON)]),
    pl.Series([None, "", "en", "2026-11-23", "2026-02-30", "soon"]), pl.Series([None, True, False]),
    pl.Series([None, [], ["ai"], ["ai", None]]), pl.Series([None, [1]]), pl.Series([[1.0], [2.5]]),
    pl.Series([1_795_435_200, NOON, -5, 10**17]),
]  # fmt: skip


@pytest.mark.parametrize("field_type", ["category", "key", "keys", "number", "text", "time"])
def test_a_column_is_refused_where_its_single_values_are(field_type: FieldType) -> None:
    compared = 0
    for column in COLUMNS:
        value = declared_field("f", field_type, Value(pl.col("f"), column.dtype))
        frame = pl.DataFrame({"f": column})
        if field_type == "text" and column.dtype == pl.Int64:
            assert value.problems == (), "whole numbers of files become text"
            continue
        problem = value.problems[0] if value.problems else pl.lit(None, pl.String)
        told = frame.select(problem)
        reasons = told.to_series().to_list() * (1 if told.height > 1 else frame.height)
        for one, reason in zip(column.to_list(), reasons, strict=True):
            alone = problem_of_field("f", field_type, one)
            assert (reason is None) == (alone is None), (one, reason)
            assert reason is None or reason.startswith(str(alone))
            compared += 1
    assert compared > 20


def test_the_largest_number_is_the_one_that_features_hold() -> None:
    assert LARGEST == event_arrays.LARGEST


def test_fields_of_users_rankings_and_interactions_are_checked_by_their_own_tables() -> None:
    config: Config = parse_config(
        '[label]\ninteraction = "join"\n[users.fields]\nage = "number"\n'
        '[requests.fields]\ndevice = "category"\n'
    )
    declared = declared_by(config)
    lists: dict[str, str | list[str | int | float]] = {"device": ["ios"], "age": "old"}
    problems = [
        declared.problem(event)
        for event in (
            Item(time=NOON, item="r", fields=lists),
            User(time=NOON, user="u", fields=lists),
            Ranking(time=NOON, id="q", user="u", items=["r"], fields=lists),
            Interaction(time=NOON, type="join", user="u", item="r", fields=lists),
        )
    ]
    assert problems[0] is None
    assert "`$.fields.age`" in str(problems[1])
    assert all("`$.fields.device`" in str(problem) for problem in problems[2:])
