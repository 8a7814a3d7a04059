"""However a file is cut into pieces, its events, ids and rejected rows are the same."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_reading import CLICKS

from liverank.config_sources import Source
from liverank.errors import SourceError
from liverank.events.event import Interaction, User
from liverank.events.sources import json_lines
from liverank.events.sources import read_events as reading
from liverank.events.sources.read_events import read_all, read_events
from liverank.events.wire import encode_event
from liverank.tables import compressed, delimited

pytestmark = pytest.mark.usefixtures("any_time")

PACKED = {
    "e.jsonl": lambda rows: b"\n".join(rows),
    "e.json": lambda rows: b"[" + b",".join(rows) + b"]",
    "e.jsonl.gz": lambda rows: gzip.compress(b"\n".join(rows)),
}
some_text = st.text(st.sampled_from('ab,"\n\r\t '), max_size=4)


def cut_small(patch: pytest.MonkeyPatch, rows: int, block: int) -> None:
    patch.setattr(compressed, "_BLOCK", block)
    patch.setattr(json_lines, "_ARRAY_EVENTS", rows)
    patch.setattr(reading, "PIECE_ROWS", rows)
    patch.setattr(reading, "_MAPPED_ROWS", rows)


def told(paths: list[Path], sources: list[Source]) -> object:
    """What reading gives: rows of events and of rejects, or the error."""
    try:
        frame, rejected = read_all(paths, sources)
    except SourceError as error:
        return str(error)
    # events of one moment and kind may come in any order
    return frame.sort("time", "event", "id", maintain_order=True).rows(), rejected.rows()


def both_ways(file: Path, sources: list[Source], rows: int, block: int) -> tuple[object, object]:
    whole = told([file], sources)
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch, rows, block)
        return whole, told([file], sources)


@pytest.mark.parametrize("name", PACKED)
@given(
    users=st.lists(st.sampled_from(["u1", "u2", ""]), max_size=30),
    rows=st.integers(1, 7),
    block=st.integers(1, 90),
)
def test_json_events_are_the_same_in_pieces(tmp_path_factory, name, users, rows, block):
    file = tmp_path_factory.mktemp("pieces") / name
    made = [
        encode_event(User(time=7, user=user)) if user else b'{"event":"user"}' for user in users
    ]
    file.write_bytes(PACKED[name](made))
    whole, cut = both_ways(file, [], rows, block)
    assert whole == cut
    events, rejected = whole
    assert len(events) == len(users) - users.count("")
    assert len(rejected) == users.count("")


@pytest.mark.parametrize("name", ["clicks.csv", "clicks.tsv"])
@given(
    table=st.lists(st.lists(some_text, max_size=5), max_size=12),
    quoted=st.booleans(),
    rows=st.integers(1, 5),
    block=st.integers(1, 40),
)
@example(
    table=[["1", "u", "a\nb", ""], ["2", "u\n\n", "c", ""], [""]], quoted=True, rows=1, block=3
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_delimited_rows_are_the_same_in_pieces(tmp_path_factory, name, table, quoted, rows, block):
    file = tmp_path_factory.mktemp("pieces") / name
    mark = "," if name.endswith("csv") else "\t"

    def cell(text: str) -> str:
        plain = text.replace('"', "") if not quoted else text.replace('"', '""')
        return f'"{plain}"' if quoted else plain

    body = mark.join(("at", "who", "what", "dwell")) + "\n"
    body += "\n".join(mark.join(map(cell, row)) for row in table)
    file.write_text(body, newline="")
    whole, cut = both_ways(file, [CLICKS], rows, block)
    assert whole == cut


@given(
    objects=st.lists(
        st.fixed_dictionaries(
            {"at": st.integers(0, 3)},
            optional={
                "who": st.sampled_from(["u1", 7, None, 2.5]),
                "dwell": st.sampled_from([1, 0.5, 2**70, "x", [1], ["a", 2], True]),
            },
        ),
        max_size=12,
    ),
    rows=st.integers(1, 5),
    block=st.integers(1, 40),
)
def test_json_objects_have_the_same_types_in_pieces(tmp_path_factory, objects, rows, block):
    file = tmp_path_factory.mktemp("pieces") / "any.jsonl"
    file.write_text("\n".join(map(json.dumps, objects)))
    template = {
        "event": "user", "time": "{at}", "user": "{who}", "fields": {"dwell": "{dwell}"},
    }  # fmt: skip
    whole, cut = both_ways(file, [Source(files="*", events=(template,))], rows, block)
    assert whole == cut


def test_parquet_rows_are_numbered_through_the_whole_file(tmp_path, monkeypatch):
    table = {"at": [*range(10)], "who": ["u", None] * 5, "what": ["i"] * 10, "dwell": [1.0] * 10}
    pl.DataFrame(table).write_parquet(tmp_path / "clicks.parquet", row_group_size=3)
    whole = told([tmp_path], [CLICKS])
    cut_small(monkeypatch, 4, 1 << 20)
    parts = list(read_events([tmp_path], [CLICKS]))
    assert len(parts) > 1
    places = [str(where).split("row ")[1] for part in parts for where in part.rejected["where"]]
    assert places == ["2", "4", "6", "8", "10"]
    assert told([tmp_path], [CLICKS]) == whole


def test_equal_rows_of_different_pieces_of_a_file_are_told_apart_and_those_of_files_are_not(
    tmp_path, monkeypatch
):
    join = encode_event(Interaction(time=3, type="join", user="u1", item="room9"))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"\n".join([join] * 3))
    whole = sorted(read_all([tmp_path])[0]["id"])
    monkeypatch.setattr(compressed, "_BLOCK", 100)
    monkeypatch.setattr(reading, "PIECE_ROWS", 1)
    assert len(list(read_events([tmp_path]))) == 6
    assert sorted(read_all([tmp_path])[0]["id"]) == whole
    base = min(whole)
    assert whole == sorted([base, base, f"{base}-2", f"{base}-2", f"{base}-3", f"{base}-3"])


def test_a_row_whose_quote_is_never_closed_is_refused_before_it_fills_the_memory(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(delimited, "MAX_ROW_BYTES", 1 << 20)
    monkeypatch.setattr(delimited, "_PIECE_BYTES", 1 << 18)
    (tmp_path / "clicks.csv").write_text('at,who\n1,"' + "u\n" * (1 << 20))
    with pytest.raises(SourceError, match="is a quote not closed"):
        read_all([tmp_path], [CLICKS])
