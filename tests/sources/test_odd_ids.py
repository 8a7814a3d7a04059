"""Ids that templates make: of texts and whole numbers only, whatever stands around them."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from liverank.config_sources import Source
from liverank.events.sources.read_events import read_all

NOON = 1_795_435_200_000
Told = tuple[list[dict[str, Any]], dict[str, str]]


def read(folder: Path, name: str, events: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Told:
    """The events that templates make of rows in a file of JSON or Parquet, and the reasons."""
    path = folder / name
    if name.endswith(".parquet"):
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    frame, rejected = read_all([path], [Source(files="*", events=tuple(events))])
    return frame.to_dicts(), {where.rpartition(":")[2]: reason for where, reason in rejected.rows()}


def acts(**values: Any) -> dict[str, Any]:
    return {
        "event": "interaction", "type": "join", "time": "{at}", "user": "u", "item": "i", **values
    }  # fmt: skip


@pytest.mark.parametrize("template", ["{x}", "u-{x}", "u-{x}-{x}"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_number_with_a_point_is_no_id_and_no_part_of_one(
    name: str, template: str, tmp_path: Path
) -> None:
    rows = [{"at": NOON, "x": 7.0}, {"at": NOON, "x": 2.5}, {"at": NOON, "x": None}]
    for key in ("user", "item", "type", "ranking", "id"):
        made, reasons = read(tmp_path, name, [acts(**{key: template})], rows)
        is_needed = key in ("user", "item", "type")
        assert len(made) == (0 if is_needed else 1), key
        assert len(reasons) == (3 if is_needed else 2)
        told = [reason for reason in reasons.values() if "missing" not in reason]
        assert len(told) == 2
        assert all(f"`{key}` is " in reason for reason in told)
        assert "7.0" in told[0]
        assert "2.5" in told[1]
    made, reasons = read(tmp_path, name, [acts(item="{x | number}-1")], rows[:1])
    assert (made, len(reasons)) == ([], 1)


@pytest.mark.parametrize("odd", [2.5, 7.0, True, ["u"], {"id": "u"}])
def test_one_odd_id_changes_no_other_row_of_a_file_of_objects(odd: object, tmp_path: Path) -> None:
    rows = [{"at": NOON, "x": value} for value in ("u1", 7, 2**70, odd, None)]
    for template, text in (("{x}", ""), ("a-{x}", "a-")):
        made, reasons = read(tmp_path, "rows.jsonl", [acts(user=template)], rows)
        users = {event["user"] for event in made}
        assert users == {f"{text}u1", f"{text}7", f"{text}{2**70}"}
        assert reasons.keys() == {"4", "5"}
        assert reasons["4"].startswith("`user` is ")
        assert "not a text or a whole number" in reasons["4"]
        assert reasons["5"] == "`user` is missing"


def test_one_odd_list_changes_no_other_row_of_a_file_of_objects(tmp_path: Path) -> None:
    template = {"event": "ranking", "id": "{id}", "time": "{at}", "user": "u", "items": "{xs}"}
    values: list[object] = [["a", "b"], ["a", 7], "a b", ["a", 2.5], 5, ["a", None], [8]]
    rows = [{"id": f"q{place}", "at": NOON, "xs": xs} for place, xs in enumerate(values, 1)]
    made, reasons = read(tmp_path, "rows.jsonl", [template], rows)
    assert [event["items"] for event in made] == [["a", "b"], ["a", "7"], ["8"]]
    assert reasons == {
        "3": '`items` is "a b", not a list',
        "4": "`items[1]` is 2.5, not a text or a whole number; send a text, in quotes",
        "5": "`items` is 5, not a list",
        "6": "`items` holds an id that is not 1 to 512 characters",
    }
    click = acts(for_each="{xs}", item="i-{each}")
    made, reasons = read(tmp_path, "rows.jsonl", [click], rows)
    items = sorted(event["item"] for event in made)
    assert items == ["i-7", "i-8", "i-a", "i-a", "i-a", "i-b"]
    assert reasons.keys() == {"3", "4", "5"}


def test_whole_numbers_make_the_items_of_a_list(tmp_path: Path) -> None:
    template = {
        "event": "ranking", "id": "q{#}", "time": "{at}", "user": "u", "items": ["{x}", "{y}"]
    }  # fmt: skip
    for name in ("rows.jsonl", "rows.parquet"):
        made, reasons = read(tmp_path, name, [template], [{"at": NOON, "x": 1, "y": 2}])
        assert (made[0]["items"], reasons) == (["1", "2"], {})
        made, reasons = read(tmp_path, name, [template], [{"at": NOON, "x": 1, "y": 2.5}])
        assert made == []
        assert "2.5" in next(iter(reasons.values()))


def test_rows_are_chosen_by_numbers_however_they_are_written(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"at": NOON, "click": 1.0, "u": "a"}, {"at": NOON, "click": 0.0, "u": 2.5},
        {"at": NOON, "click": None, "u": 2.5},
    ]  # fmt: skip
    for wanted in (1, 1.0, [1], "1"):
        template = acts(user="{u}", when={"click": wanted})
        made, reasons = read(tmp_path, "rows.jsonl", [template], rows)
        assert ([event["user"] for event in made], reasons) == (["a"], {}), wanted
        frame = [{**row, "u": "a"} for row in rows]
        assert len(read(tmp_path, "rows.parquet", [template], frame)[0]) == 1


def test_bytes_that_are_not_utf8_are_no_part_of_an_id(tmp_path: Path) -> None:
    rows = [{"at": NOON, "x": b"zo"}, {"at": NOON, "x": b"zo\xe9"}]
    made, reasons = read(tmp_path, "rows.parquet", [acts(user="u-{x}")], rows)
    assert [event["user"] for event in made] == ["u-zo"]
    assert "`user` is not UTF-8: 0x7a6fe9" in reasons["row 2"]


def test_lists_in_fields_of_objects_stay_lists_whatever_other_rows_hold(tmp_path: Path) -> None:
    values: list[object] = [
        "a", 5, 7.0, True, ["a", "b"], ["a", 7, 0.5, None], [], None, {"a": [1]}, [[1]],
    ]  # fmt: skip
    rows = [{"at": NOON, "n": place, "x": value} for place, value in enumerate(values)]
    template = {"event": "user", "time": "{at}", "user": "u{n}", "fields": {"x": "{x}"}}
    made, reasons = read(tmp_path, "rows.jsonl", [template], rows)
    kept = [json.loads(event["fields"] or "{}").get("x") for event in made]
    lists: list[object] = [["a", "b"], ["a", 7, 0.5], []]
    texts: list[object] = ["a", "5", "7", "true"]
    by_user = dict(zip((event["user"] for event in made), kept, strict=True))
    assert [by_user[f"u{n}"] for n in range(10)] == [*texts, *lists, None, '{"a":[1]}', "[[1]]"]
    assert reasons == {}


def test_a_key_that_only_refused_objects_have_is_one_that_the_file_has(tmp_path: Path) -> None:
    template = {"event": "user", "time": "{at}", "user": "{u}", "fields": {"x": "{x}"}}
    rows = [{"at": NOON, "u": "a"}, {"at": NOON, "u": 2.5, "x": 1}]
    made, reasons = read(tmp_path, "rows.jsonl", [template], rows)
    assert ([event["user"] for event in made], list(reasons)) == (["a"], ["2"])


def test_a_column_that_the_path_names_is_not_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "men").mkdir()
    rows = [{"at": NOON, "u": "a", "team": ["x"]}, {"at": NOON, "u": "b", "team": "y"}]
    (tmp_path / "men" / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    template = {"event": "user", "time": "{at}", "user": "{u}", "fields": {"team": "{team}"}}
    frame, _ = read_all([tmp_path], [Source(files="{team}/*.jsonl", events=(template,))])
    assert frame["fields"].to_list() == ['{"team":"men"}'] * 2
