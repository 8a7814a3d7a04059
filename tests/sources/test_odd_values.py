"""Odd values through every door: the one bad event is refused by its place, the others live."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from liverank.config_sources import Source
from liverank.errors import SourceError
from liverank.events.log import Log
from liverank.events.sources.read_events import read_all
from liverank.serving.http.events_in import take_events

NOON = 1_795_435_200_000
KEYS = ("time", "user", "item", "value")
GOOD = {"time": b"%d" % NOON, "user": b'"u1"', "item": b'"r1"', "value": b"1.5"}
TEMPLATE = {key: f"{{{key}}}" for key in KEYS}
SOURCE = Source(files="*", events=({"event": "interaction", "type": "join", **TEMPLATE},))


class Odd(NamedTuple):
    """An odd value of a key, as JSON, as text, and as the second value of a column of Parquet."""

    key: str
    json: bytes
    text: bytes | None
    column: list[object] | None
    told: tuple[str, ...]
    """What the reason holds beside the key."""


ODD = {
    "half a character": Odd("item", b'"party \\ud83d"', None, None, ("surrogate", "whole")),
    "the other half": Odd("user", b'"\\ude00"', None, None, ("surrogate", "whole")),
    "half a character as bytes": Odd(
        "user", b'"\xed\xa0\xbd"', b"\xed\xa0\xbd", [b"u", b"\xed\xa0\xbd", b"u"], ("UTF-8",)
    ),
    "Latin-1": Odd("user", b'"zo\xe9"', b"zo\xe9", [b"u", b"zo\xe9", b"u"], ("UTF-8",)),
    "a character cut off": Odd(
        "item", b'"\xe2\x82"', b"\xe2\x82", [b"i", b"\xe2\x82", b"i"], ("UTF-8",)
    ),
    "Unix seconds": Odd(
        "time", b"1795435200", b"1795435200", [NOON, 1_795_435_200, NOON],
        ("1795435200", "seconds", "2026-11-23T12:00:00Z", "`1795435200000`"),
    ),
    "Unix microseconds": Odd(
        "time", b"1795435200000000", b"1795435200000000", [NOON, NOON * 1000, NOON],
        ("1795435200000000", "microseconds", "2026-11-23T12:00:00Z", "`1795435200000`"),
    ),
    "Unix nanoseconds": Odd(
        "time", b"1795435200000000000", b"1795435200000000000", [NOON, NOON * 10**6, NOON],
        ("1795435200000000000", "nanoseconds", "`1795435200000`"),
    ),
    "the year 1970": Odd(
        "time", b'"1970-01-01T00:00:00Z"', b"1970-01-01T00:00:00Z",
        [NOON, 0, NOON], ("1990 to 2099", "1970-01-01"),
    ),
    "no time": Odd("time", b'"soon"', b"soon", [f"{NOON}", "soon", f"{NOON}"], ()),
    "a text for a number": Odd("value", b'"long"', b"long", ["1.5", "long", "1.5"], ()),
    "not a number": Odd("value", b"NaN", b"nan", [1.5, float("nan"), 1.5], ()),
    "an infinite number": Odd("value", b"Infinity", b"inf", [1.5, float("inf"), 1.5], ()),
    "a number out of all bounds": Odd("value", b"1e39", b"1e39", [1.5, 1e39, 1.5], ("1e+38",)),
    "an object for an id": Odd("item", b'{"id":"r1"}', None, None, ("object",)),
    "a number for an id": Odd("user", b"7", None, None, ("int", "quotes")),
    "a float for an id": Odd("user", b"7.0", None, None, ("float", "quotes")),
    "no id": Odd("user", b"null", b"", ["u", None, "u"], ()),
    "a long id": Odd("item", b'"%s"' % (b"i" * 513), b"i" * 513, ["i", "i" * 513, "i"], ("512",)),
}  # fmt: skip


def wire(odd: Odd | None) -> bytes:
    values = GOOD if odd is None else GOOD | {odd.key: odd.json}
    pairs = b",".join(b'"%s":%s' % (key.encode(), value) for key, value in values.items())
    return b'{"event":"interaction","type":"join",%s}' % pairs


def batch(odd: Odd) -> list[bytes]:
    return [wire(None), wire(odd), wire(None)]


Told = tuple[int, dict[str, str]]
"""How many events were taken, and the reasons of those refused by their places."""


def by_http(body: bytes, folder: Path) -> Told:
    with Log.open(folder / "log") as log:
        answer = take_events(log, body, arrived_ms=NOON)
    return answer.accepted, {str(one.index): one.reason for one in answer.rejected}


def by_file(name: str, body: bytes, folder: Path, sources: list[Source]) -> Told:
    (folder / name).write_bytes(body)
    frame, rejected = read_all([folder / name], sources)
    return frame.height, dict(rejected.rows())


def table(odd: Odd, mark: bytes) -> bytes | None:
    if odd.text is None:
        return None
    good = {key: value.strip(b'"') for key, value in GOOD.items()}
    rows = [good, good | {odd.key: odd.text}, good]
    lines = [mark.join(row.values()) for row in rows]
    return b"\n".join([mark.join(key.encode() for key in KEYS), *lines])


def parquet(odd: Odd, folder: Path, more: dict[str, object]) -> Path | None:
    if odd.column is None:
        return None
    good: dict[str, object] = {"time": NOON, "user": "u1", "item": "r1", "value": 1.5}
    columns = {key: [value] * 3 for key, value in (more | good).items()}
    path = folder / "events.parquet"
    pl.DataFrame(columns | {odd.key: odd.column}).write_parquet(path)
    return path


def mapped_parquet(odd: Odd, folder: Path) -> Told | None:
    path = parquet(odd, folder, {})
    return path and by_file(path.name, path.read_bytes(), folder, [SOURCE])


def own_parquet(odd: Odd, folder: Path) -> Told | None:
    path = parquet(odd, folder, {"event": "interaction", "type": "join"})
    return path and by_file(path.name, path.read_bytes(), folder, [])


def delimited(name: str, mark: bytes) -> Callable[[Odd, Path], Told | None]:
    def through(odd: Odd, folder: Path) -> Told | None:
        body = table(odd, mark)
        return body and by_file(name, body, folder, [SOURCE])

    return through


DOORS: dict[str, tuple[Callable[[Odd, Path], Told | None], str]] = {
    "HTTP, an array": (lambda odd, to: by_http(b"[%s]" % b", ".join(batch(odd)), to), "1"),
    "HTTP, lines": (lambda odd, to: by_http(b"\n".join(batch(odd)), to), "1"),
    "JSON": (
        lambda odd, to: by_file("e.json", b"[%s]" % b",".join(batch(odd)), to, []), "e.json[1]"
    ),
    "JSON lines": (lambda odd, to: by_file("e.jsonl", b"\n".join(batch(odd)), to, []), "e.jsonl:2"),
    "CSV": (delimited("e.csv", b","), "e.csv:row 2"),
    "TSV": (delimited("e.tsv", b"\t"), "e.tsv:row 2"),
    "Parquet, mapped": (mapped_parquet, "events.parquet:row 2"),
    "Parquet": (own_parquet, "events.parquet:row 2"),
}  # fmt: skip
"""The doors, each with the place of the second event; None of what a door cannot hold."""


@pytest.mark.parametrize("name", ODD)
def test_the_one_bad_event_is_refused_by_its_place_and_the_others_live_at_every_door(
    name: str, tmp_path: Path
) -> None:
    odd, held = ODD[name], 0
    for door, (through, place) in DOORS.items():
        told = through(odd, tmp_path)
        if told is None:  # a door that cannot hold such a value
            continue
        held += 1
        taken, reasons = told
        assert taken == 2, door
        (where,) = reasons
        assert where.endswith(place), door
        assert f"`{odd.key}`" in reasons[where] or f"`$.{odd.key}`" in reasons[where], door
        for part in odd.told:
            assert part in reasons[where], door
    assert held >= 2


@pytest.mark.parametrize("column", [[7.0, 8.5, 9.0], [True, False, True]])
@pytest.mark.parametrize("key", ["user", "item"])
def test_numbers_with_a_point_and_truths_are_no_ids_in_parquet(
    key: str, column: list[object], tmp_path: Path
) -> None:
    odd = Odd(key, b"", None, column, ())
    for through in (mapped_parquet, own_parquet):
        told = through(odd, tmp_path)
        assert told is not None
        assert told[0] == 0
        assert all(f"`{key}` is " in reason for reason in told[1].values())
        assert len(told[1]) == 3


def test_whole_numbers_are_ids_in_parquet(tmp_path: Path) -> None:
    told = mapped_parquet(Odd("user", b"", None, [7, 8, 9], ()), tmp_path)
    assert told == (3, {})


def test_two_people_whose_names_are_not_utf8_do_not_become_one(tmp_path: Path) -> None:
    body = b"time,user,item,value\n%d,zo\xe9,r,1\n%d,zo\xe8,r,1\n%d,ann,r,1" % (NOON, NOON, NOON)
    taken, reasons = by_file("e.csv", body, tmp_path, [SOURCE])
    assert taken == 1
    assert list(reasons.values()) == [
        r"`user` is not UTF-8: zo\xe9; send UTF-8",
        r"`user` is not UTF-8: zo\xe8; send UTF-8",
    ]


def test_a_replacement_character_that_a_file_holds_is_a_character(tmp_path: Path) -> None:
    body = f"time,user,item,value\n{NOON},\ufffd,r,1"
    assert by_file("e.csv", body.encode(), tmp_path, [SOURCE]) == (1, {})


def test_a_table_whose_column_names_are_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its first line is not UTF-8"):
        by_file("e.csv", "time,usér\n1,2".encode("latin-1"), tmp_path, [SOURCE])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_in_utf16_or_with_old_line_ends_is_read(
    encoding: str, end: str, tmp_path: Path
) -> None:
    body = f"time,user,item,value{end}{NOON},ü,r,1{end}{NOON},v,r,1{end}"
    assert by_file("e.csv", body.encode(encoding), tmp_path, [SOURCE]) == (2, {})


def test_a_column_name_of_an_import_may_hold_a_line_end(tmp_path: Path) -> None:
    body = f'time,user,item,value,"a\nnote"\n{NOON},u,r,1,x\n'
    assert by_file("e.csv", body.encode(), tmp_path, [SOURCE]) == (1, {})


def in_berlin(time: str, folder: Path) -> Told:
    source = Source(files="*", time_zone="Europe/Berlin", events=SOURCE.events)
    body = f"time,user,item,value\n{time},u,r,1\n2026-07-01 12:00:00,u,r,1\n"
    return by_file("e.csv", body.encode(), folder, [source])


@pytest.mark.parametrize("time", ["2026-03-29 02:30:00", "2026-03-29T02:00:00"])
def test_an_hour_that_a_zone_skips_is_refused_by_its_name(time: str, tmp_path: Path) -> None:
    taken, reasons = in_berlin(time, tmp_path)
    assert taken == 1
    assert list(reasons.values()) == [
        f"`time` does not exist in Europe/Berlin: {time.replace('T', ' ')} (the clock skips that "
        "hour); send it with its offset from UTC"
    ]


def test_a_skipped_hour_is_refused_in_dates_and_in_times_of_a_pattern_too(tmp_path: Path) -> None:
    events = SOURCE.events
    cairo = Source(files="*", time_zone="Africa/Cairo", events=events)  # it skips midnight
    days = pl.Series(["2026-04-24", "2026-04-25"]).str.to_date()
    rows = {"time": days, "user": ["u", "u"], "item": ["r", "r"], "value": [1.0, 1.0]}
    pl.DataFrame(rows).write_parquet(tmp_path / "d.parquet")
    frame, rejected = read_all([tmp_path / "d.parquet"], [cairo])
    assert frame.height == 1
    assert "does not exist in Africa/Cairo: 2026-04-24 00:00:00" in rejected["reason"].item()
    us = Source(
        files="*", time_zone="America/New_York", time_format="%m/%d/%Y %H:%M", events=events
    )
    body = b"time,user,item,value\n03/08/2026 02:30,u,r,1\n03/08/2026 03:30,u,r,1\n"
    taken, reasons = by_file("us.csv", body, tmp_path, [us])
    assert taken == 1
    assert "does not exist in America/New_York: 2026-03-08 02:30:00" in next(iter(reasons.values()))


def test_an_hour_that_a_zone_has_twice_is_its_first(tmp_path: Path) -> None:
    taken, reasons = in_berlin("2025-10-26 02:30:00", tmp_path)
    assert (taken, reasons) == (2, {})
    frame, _ = read_all(
        [tmp_path / "e.csv"], [Source(files="*", time_zone="Europe/Berlin", events=SOURCE.events)]
    )
    assert frame["time"].min() == 1_761_438_600_000  # 00:30 UTC


def test_the_fields_of_a_parquet_file_are_refused_by_their_own_names(tmp_path: Path) -> None:
    fields = ['{"a":1}', '{"host":"h","geo":{"lat":1}}', '{"title":"\\ud83d"}', "[]"]
    rows = {"event": "user", "time": NOON, "user": "u1"}
    table = pl.DataFrame({key: [value] * 4 for key, value in rows.items()} | {"fields": fields})
    table.write_parquet(tmp_path / "e.parquet")
    frame, rejected = read_all([tmp_path / "e.parquet"])
    assert frame.height == 1
    assert "`$.fields.geo`" in rejected["reason"][0]
    assert "surrogate" in rejected["reason"][1]
    assert "`$.fields.title`" in rejected["reason"][1]
    assert "`$.fields`" in rejected["reason"][2]


def test_objects_that_are_mapped_are_refused_in_the_same_words(tmp_path: Path) -> None:
    good = json.dumps({"time": NOON, "user": "u", "item": "r", "value": 1}).encode()
    bad = good.replace(b'"u"', b'"\\ud83d"')
    taken, reasons = by_file("e.jsonl", b"\n".join([good, bad]), tmp_path, [SOURCE])
    assert taken == 1
    assert list(reasons.values()) == [
        "Half of a surrogate pair, `\\ud83d` - at `$.user`; send whole characters"
    ]
