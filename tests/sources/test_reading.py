"""Files of every format become the same events; a bad row loses nothing but itself."""

import gzip
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from liverank.config import load_config
from liverank.config_sources import Source
from liverank.errors import SourceError
from liverank.events.event import Event, Interaction, Item, Ranking
from liverank.events.frame import events_of, frame_of
from liverank.events.sources.files import find_files
from liverank.events.sources.mapping.mapping import parse_source
from liverank.events.sources.read_events import read_all, read_events
from liverank.events.wire import encode_event
from liverank.tables.compressed import read_blocks

pytestmark = pytest.mark.usefixtures("any_time")

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
with_real_data = pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA}")

EVENTS: list[Event] = [
    Item(
        time=1, item="room9", state="started", fields={"topics": ["ai"], "title": 'a "b"'}, id="s"
    ),
    Ranking(time=2, id="r1", user="u1", items=["room9"], propensities=[0.5]),
    Interaction(time=3, type="join", user="u1", item="room9", ranking="r1", value=1.5, id="j"),
]
CLICKS = Source(
    files="clicks*",
    events=(
        {
            "event": "interaction",
            "type": "click",
            "time": "{at}",
            "user": "{who}",
            "item": "{what}",
            "value": "{dwell}",
        },
    ),
)


def lines_of(events: list[Event]) -> bytes:
    return b"".join(encode_event(event) + b"\n" for event in events)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("e.jsonl", lines_of(EVENTS)),
        ("e.ndjson", b"\xef\xbb\xbf" + lines_of(EVENTS).replace(b"\n", b"\r\n\r\n")),
        ("e.json", lines_of(EVENTS)),
        ("array.json", b"[" + b",\n".join(map(encode_event, EVENTS)) + b"]"),
        ("e.jsonl.gz", gzip.compress(lines_of(EVENTS), mtime=0)),
        (
            "two.jsonl.gz",
            b"".join(gzip.compress(lines_of(some), mtime=0) for some in (EVENTS[:1], EVENTS[1:])),
        ),
        ("e.jsonl.zst", zstandard.compress(lines_of(EVENTS))),
        ("unended.jsonl", lines_of(EVENTS).rstrip()),
    ],
)
def test_json_events_read_alike_however_they_are_packed(
    name: str, body: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(body)
    read: list[int] = []
    frame, rejected = read_all([tmp_path], on_progress=read.append)
    assert list(events_of(frame)) == EVENTS
    assert rejected.is_empty()
    assert sum(read) == len(body)


def test_a_parquet_file_with_the_columns_of_the_log_is_read_as_it_is(tmp_path: Path) -> None:
    frame_of(EVENTS, seqs=[7, 8, 9], arrived_ms=5).write_parquet(tmp_path / "segment.parquet")
    frame, rejected = read_all([tmp_path / "segment.parquet"])
    assert list(events_of(frame)) == EVENTS
    assert frame["seq"].null_count() == 3
    assert rejected.is_empty()


def test_bad_rows_of_such_a_parquet_file_are_rejected_by_number(tmp_path: Path) -> None:
    rows = [
        {"event": "user", "time": 1, "user": "u1", "fields": '{"a":1}'},
        {"event": "user", "time": 1, "user": "u1", "fields": "{broken"},
        {"event": "user", "time": -5, "user": "u1", "fields": None},
        {"event": "usr", "time": 1, "user": "u1", "fields": None},
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "p.parquet")
    frame, rejected = read_all([tmp_path / "p.parquet"])
    assert frame.height == 1
    places = [str(where).rpartition(":")[2] for where in rejected["where"]]
    assert places == ["row 2", "row 3", "row 4"]
    assert (
        rejected["reason"][2]
        == "`event` is none of item, user, edge, ranking, interaction, experiment, autopilot"
    )


def test_a_bad_line_is_rejected_with_its_number_and_the_others_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(b'\n{"event":"user"}\n' + lines_of(EVENTS) + b"\xff\n{nope\n")
    frame, rejected = read_all([file])
    assert frame.height == 3
    assert rejected["where"].to_list() == [f"{file}:2", f"{file}:6", f"{file}:7"]
    assert "time" in rejected["reason"][0]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_file_that_was_cut_gives_its_whole_lines_and_says_so(
    suffix: str, tmp_path: Path
) -> None:
    many = lines_of([Item(time=n, item=f"i{n * 7919 % 10_007}", id=f"{n}") for n in range(60_000)])
    body = gzip.compress(many) if suffix == ".gz" else zstandard.compress(many)
    file = tmp_path / f"e.jsonl{suffix}"
    file.write_bytes(body[: len(body) * 2 // 3])
    frame, rejected = read_all([file])
    assert 0 < frame.height < 60_000
    assert rejected.height == 1
    assert "cut" in rejected["reason"][0]


def test_a_file_that_is_not_compressed_as_its_name_says_is_an_error(tmp_path: Path) -> None:
    for name in ("e.jsonl.gz", "e.jsonl.zst"):
        (tmp_path / name).write_bytes(lines_of(EVENTS))
        with pytest.raises(SourceError, match="data is broken"):
            read_all([tmp_path / name])


@pytest.mark.parametrize("name", ["clicks.csv", "clicks.tsv", "clicks.csv.gz", "clicks.jsonl"])
def test_a_bad_row_of_a_table_is_rejected_with_its_number_and_reason(
    name: str, tmp_path: Path
) -> None:
    rows = [
        ("5", "u1", "i1", "1.5"),
        ("soon", "u1", "i1", ""),
        ("6", "", "i1", ""),
        ("7", "u2", "i2", "long"),
        ("8", "u3", "x" * 513, ""),
        ("9", "u3", "i3", ""),
    ]
    names = ("at", "who", "what", "dwell")
    mark = "\t" if ".tsv" in name else ","
    body = "".join(mark.join(row) + "\r\n" for row in [names, *rows]).encode()
    if name.endswith(".jsonl"):
        objects = [
            {key: value for key, value in zip(names, row, strict=True) if value} for row in rows
        ]
        body = "\n".join(json.dumps(row) for row in objects).encode()
    (tmp_path / name).write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    frame, rejected = read_all([tmp_path], [CLICKS])
    assert frame.select("time", "user", "item", "value").rows() == [
        (5, "u1", "i1", 1.5),
        (9, "u3", "i3", None),
    ]
    row = "" if name.endswith(".jsonl") else "row "
    assert [str(where).rpartition(":")[2] for where in rejected["where"]] == [
        f"{row}2", f"{row}3", f"{row}4", f"{row}5",
    ]  # fmt: skip
    assert rejected["reason"].to_list() == [
        "`time` is not a moment: soon",
        "`user` is missing",
        "`value` is not a number: long",
        "`item` is not 1 to 512 characters",
    ]


def test_json_objects_keep_their_types_and_mixed_ones_become_text(tmp_path: Path) -> None:
    source = Source(
        files="*.jsonl",
        events=(
            {
                "event": "user",
                "time": "{t}",
                "user": "{u}",
                "fields": {name: f"{{{name}}}" for name in ("n", "mix", "tags", "none", "deep")},
            },
        ),
    )
    objects = [
        {"t": 1, "u": 7, "n": 1, "mix": "a", "tags": ["x"], "none": None, "deep": {"k": [1]}},
        {"t": 2, "u": 8, "n": 0.5, "mix": 3, "tags": [], "deep": None},
    ]
    (tmp_path / "u.jsonl").write_text("\n".join(map(json.dumps, objects)))
    frame, rejected = read_all([tmp_path], [source])
    assert rejected.is_empty()
    assert frame["user"].to_list() == ["7", "8"]
    assert [json.loads(text) for text in frame["fields"]] == [
        {"n": 1, "mix": "a", "tags": ["x"], "deep": '{"k":[1]}'},
        {"n": 0.5, "mix": "3", "tags": []},
    ]


def test_a_csv_row_with_too_many_values_is_rejected_and_an_empty_one_passed_over(
    tmp_path: Path,
) -> None:
    text = 'at,who,what,dwell\n1,u1,"i,1",2\n\n2,u1,i1,3,4\n'
    (tmp_path / "clicks.csv").write_text(text)
    frame, rejected = read_all([tmp_path], [CLICKS])
    assert frame["item"].to_list() == ["i,1"]
    [reason] = rejected["reason"]
    assert reason.startswith("has more than the 4 columns of the file; put values that hold")


def test_a_row_makes_all_of_its_events_or_none(tmp_path: Path) -> None:
    source = Source(
        files="*.csv",
        events=(
            {"event": "ranking", "id": "{id}", "time": "{t}", "user": "u", "items": "{list|split}"},
            {
                "event": "interaction",
                "for_each": "{list | split | ending '+'}",
                "type": "click",
                "time": "{t}",
                "user": "u",
                "item": "{each}",
                "before": "1ms",
            },
        ),
    )
    (tmp_path / "lists.csv").write_text("id,t,list\n1,5,a+ b\n2,6,c+ c+\n3,7,\n4,8,d\n")
    frame, rejected = read_all([tmp_path], [source])
    assert frame.select("event", "time", "item").rows() == [
        ("interaction", 4, "a+"),
        ("ranking", 5, None),
        ("ranking", 8, None),
    ]
    assert rejected["reason"].to_list() == ["`items` names an item twice", "`items` is missing"]


def test_parts_of_the_path_and_row_numbers_can_be_used_in_templates(tmp_path: Path) -> None:
    source = Source(
        files="{arm}/*/{team}.csv",
        events=(
            {
                "event": "user",
                "time": "2026-01-01T00:00:00Z",
                "user": "{arm}-{team}-{#}",
                "fields": {"admin": True, "n": "{n | number}"},
            },
        ),
    )
    file = tmp_path / "random" / "x" / "men.csv"
    file.parent.mkdir(parents=True)
    file.write_text("n\n4\n")
    frame, _ = read_all([tmp_path], [source])
    assert frame.select("user", "time", "fields").rows() == [
        ("random-men-1", 1_767_225_600_000, '{"admin":true,"n":4.0}')
    ]


def test_when_keeps_the_rows_with_one_of_the_values(tmp_path: Path) -> None:
    template = {"event": "user", "time": "{n}", "user": "u{n}", "when": {"n": [1, "3"]}}
    (tmp_path / "n.csv").write_text("n\n1\n2\n3\n")
    pl.DataFrame({"n": [1, 2, 3]}).write_parquet(tmp_path / "n.parquet")
    frame, _ = read_all([tmp_path], [Source(files="n.*", events=(template,))])
    assert sorted(frame["user"]) == ["u1", "u1", "u3", "u3"]


def test_ids_from_content_are_the_same_for_the_same_file_and_tell_equal_rows_apart(
    tmp_path: Path,
) -> None:
    click = Interaction(time=3, type="join", user="u1", item="room9")
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(lines_of([click, click, *EVENTS]))
    first, second = (list(part.frame["id"]) for part in read_events([tmp_path]))
    assert first == second
    assert len(set(first)) == 5
    assert first[2:] == ["s", "r1", "j"]


def test_an_import_is_in_the_order_of_time_with_a_list_before_what_it_caused(
    tmp_path: Path,
) -> None:
    (tmp_path / "e.jsonl").write_bytes(
        lines_of(
            [
                Interaction(time=9, type="join", user="u", item="a", ranking="r"),
                Ranking(time=9, id="r", user="u", items=["a"]),
                Item(time=9, item="a"),
                Item(time=1, item="b"),
            ]
        )
    )
    frame, _ = read_all([tmp_path])
    assert frame.select("time", "event").rows() == [
        (1, "item"), (9, "item"), (9, "ranking"), (9, "interaction"),
    ]  # fmt: skip


def test_an_unmapped_table_is_explained_with_its_columns_and_a_template(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n1,2,3\n")
    pl.DataFrame({"user_id": [1]}).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(SourceError) as error:
        read_all([tmp_path / "log.csv"])
    assert "user_id, item_id, timestamp" in str(error.value)
    assert 'user = "{user_id}"' in str(error.value)
    with pytest.raises(SourceError, match="its columns are user_id"):
        read_all([tmp_path / "log.parquet"])


def test_a_table_in_a_folder_that_no_source_matches_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("at,who,what,dwell\n1,u,i,\n")
    (tmp_path / "other.csv").write_text("x\n1\n")
    frame, rejected = read_all([tmp_path], [CLICKS])
    assert frame.height == 1
    assert "no [[sources]]" in rejected["reason"][0]


def test_files_are_found_in_order_and_hidden_or_unknown_ones_are_not(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.csv.gz", "a/.hidden.jsonl", ".git/x.jsonl", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    found = [file.path.relative_to(tmp_path).as_posix() for file in find_files([tmp_path])]
    assert found == ["a/z.csv.gz", "b.jsonl"]
    with pytest.raises(SourceError, match="its format is unknown"):
        read_all([tmp_path / "README.md"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="no events in this folder"):
        find_files([empty])


def test_empty_files_hold_no_events(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.json", "clicks.csv", "clicks.tsv.gz", "c.jsonl.zst"):
        (tmp_path / name).write_bytes(b"")
    frame, rejected = read_all([tmp_path], [CLICKS])
    assert (frame.height, rejected.height) == (0, 0)
    assert b"".join(read_blocks(tmp_path / "a.jsonl", lambda _: None)) == b""


@pytest.mark.parametrize(
    "name", ["e.jsonl", "e.json", "clicks.csv", "clicks.tsv", "clicks.jsonl", "clicks.parquet",
             "e.parquet", "e.jsonl.gz", "e.jsonl.zst", "clicks.csv.gz"],
)  # fmt: skip
@given(body=st.binary(max_size=200))
@example(b"[")
@example(b"[]")
@example(b"at,who,what,dwell\n1,2,3,4")
@example(b'at,who,what,dwell\n1,"2,3,4')
@example(b'"at,who\n')
@example(b"\xef\xbb\xbf")
@example(b"{}\n[1]\n3")
@example(b'{"at":{"a":1}}\n{"at":[1,"x"]}')
@example(b'{"at":1,"who":1,"what":true,"dwell":1}\n{"at":"x","who":null}')
def test_whatever_bytes_a_file_holds_they_are_events_rejected_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, body: bytes
) -> None:
    file = tmp_path_factory.mktemp("any") / name
    file.write_bytes(body)
    complaint = str(file)
    rows = 0
    try:
        frame, rejected = read_all([file], [CLICKS])
        rows = frame.height + rejected.height
    except SourceError as error:
        complaint = str(error)
    assert complaint.startswith(str(file))
    assert rows <= len(body)


def test_a_file_without_line_ends_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liverank.events.sources.json_lines.MAX_LINE_BYTES", 1 << 20)
    (tmp_path / "e.jsonl").write_bytes(b"{" * (3 << 20))
    with pytest.raises(SourceError, match="line 1 is longer than 1 MB"):
        read_all([tmp_path])


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*/liverank.toml")), ids=str)
def test_every_example_is_well_formed(file: Path) -> None:
    for source in load_config(file).sources:
        assert parse_source(source).events


def test_the_mind_example_maps_a_row_to_a_list_its_clicks_and_earlier_clicks(
    tmp_path: Path,
) -> None:
    row = "7\tU1\t11/23/2019 10:00:00 AM\tN1 N2\tN3-0 N4-1\n"
    again = "8\tU1\t11/23/2019 11:00:00 AM\tN1 N2\tN5-0\n"
    (tmp_path / "behaviors.tsv").write_text(row + again)
    sources = load_config(ROOT / "examples/mind/liverank.toml").sources
    frame, _ = read_all([tmp_path], sources)
    at, day, hour = 1_574_503_200_000, 86_400_000, 3_600_000
    kept = frame.unique(["event", "id"], keep="first", maintain_order=True)
    assert kept.select("time", "id", "item", "ranking").rows() == [
        (at - day, "history:U1:N1", "N1", None),
        (at - day, "history:U1:N2", "N2", None),
        (at, "7", None, None),
        (at, "7:N4", "N4", "7"),
        (at + hour, "8", None, None),
    ]
    assert frame.filter(pl.col("id") == "7")["items"].to_list() == [["N3", "N4"]]


@with_real_data
def test_mind_loads_by_its_example_alone() -> None:
    sources = load_config(ROOT / "examples/mind/liverank.toml").sources
    frame, rejected = read_all([DATA / "mind_sample"], sources)
    assert rejected.is_empty()
    counts = Counter(frame.select("event", "type").rows())
    assert counts[("ranking", None)] == 5000
    assert counts[("interaction", "click")] == 7542
    assert counts[("item", None)] == 2000
    rankings = frame.filter(pl.col("event") == "ranking")
    assert rankings["items"].list.len().sum() == 189_359
    assert rankings["user"].n_unique() == 4637
    with gzip.open(DATA / "mind_sample/behaviors.tsv.gz", "rt") as file:
        row = file.readline().rstrip("\n").split("\t")
    first = rankings.row(by_predicate=pl.col("id") == row[0], named=True)
    assert first["items"] == [candidate[:-2] for candidate in row[4].split()]
    assert first["time"] == 1_573_568_086_000  # 11/12/2019 2:14:46 PM
    history = frame.filter((pl.col("type") == "history_click") & (pl.col("user") == row[1]))
    assert set(row[3].split()) <= set(history["item"])


@with_real_data
def test_globo_loads_by_its_example_alone() -> None:
    sources = load_config(ROOT / "examples/globo/liverank.toml").sources
    file = DATA / "globo_news/clicks_first_7_days.parquet"
    frame, rejected = read_all([file], sources)
    assert rejected.is_empty()
    raw = pl.read_parquet(file).sort("click_timestamp", maintain_order=True)
    assert frame["user"].to_list()[:1000] == [str(user) for user in raw["user_id"][:1000]]
    assert frame["time"].equals(raw["click_timestamp"], check_names=False)
    assert frame["id"].n_unique() == raw.height == 1_425_015
    assert json.loads(frame["fields"][0])["os"] == raw["click_os"][0]


@with_real_data
def test_open_bandit_loads_by_its_example_alone() -> None:
    sources = load_config(ROOT / "examples/open_bandit/liverank.toml").sources
    frame, rejected = read_all([DATA / "open_bandit"], sources)
    assert rejected.is_empty()
    rankings = frame.filter(pl.col("event") == "ranking")
    assert rankings["variant"].value_counts().sort("variant").rows() == [
        ("bts", 20_000),
        ("random", 20_000),
    ]
    first = rankings.row(by_predicate=pl.col("id") == "random-men-1", named=True)
    assert first["items"] == ["men-14"]
    assert first["propensities"] == [pytest.approx(1 / 34)]
    clicks = frame.filter(pl.col("event") == "interaction")
    assert clicks.height == 207
    assert set(clicks["ranking"]) <= set(rankings["id"])
