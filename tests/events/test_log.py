"""What a log takes in, gives back, moves and forgets."""

import sqlite3
import time

import polars as pl
import pytest
import xxhash

from liverank.errors import EventError, LogError
from liverank.events.event import Edge, Event, Interaction, Item, Ranking, ServedRanking, User
from liverank.events.frame import SCHEMA, empty_frame, events_of, frame_of
from liverank.events.log import AppendResult, ImportResult, Log, Stats


def click(key: str | None, *, time: int = 1000) -> Interaction:
    return Interaction(time=time, type="click", user="u1", item="r1", id=key)


def read(log: Log, from_seq: int = 1, **how) -> list[tuple[int, Event]]:
    """What a log holds, as (seq, event)."""
    return [
        pair
        for frame in log.read(from_seq, **how)
        for pair in zip(frame["seq"].to_list(), events_of(frame), strict=True)
    ]


@pytest.fixture
def log(tmp_path):
    with Log.open(tmp_path) as log:
        yield log


def test_events_come_back_in_the_order_they_were_appended(log):
    batch = [User(time=9, user="u1"), Item(time=3, item="r1", state="started"), click("a")]
    assert log.append(batch, arrived_ms=10) == AppendResult([1, 2, 3], 0)
    assert log.append([click("b")], arrived_ms=11) == AppendResult([4], 0)
    assert read(log) == list(enumerate([*batch, click("b")], start=1))
    assert [frame["arrived"].to_list() for frame in log.read()] == [[10, 10, 10, 11]]
    assert log.last_seq() == 4


def test_a_repeat_is_dropped_within_a_batch_in_the_tail_and_in_segments(log):
    first = log.append([click("a"), click("a", time=2000), click(None), click(None)], arrived_ms=1)
    assert first == AppendResult([1, None, 2, 3], 1)
    assert log.append([click("a")], arrived_ms=2) == AppendResult([None], 1)
    log.compact()
    assert log.append([click("a"), click("b")], arrived_ms=3) == AppendResult([None, 4], 1)
    again = frame_of([click("b"), click("a"), click("c"), click("c")])
    assert log.import_frame(again, arrived_ms=4) == ImportResult(1, 3, 5, 5)
    assert log.import_frame(again, arrived_ms=5) == ImportResult(0, 4, None, None)
    assert [event.id for _, event in read(log)] == ["a", None, None, "b", "c"]


def test_the_same_id_on_another_kind_of_event_is_not_a_repeat(log):
    batch = [User(time=0, user="u1", id="7"), Item(time=0, item="r1", id="7"), click("7")]
    assert log.append(batch, arrived_ms=1).duplicates == 0
    log.compact()
    assert log.append(batch, arrived_ms=1).duplicates == 3


def test_an_import_follows_what_the_tail_holds_already(log):
    log.append([click("a"), click("b")], arrived_ms=1)
    log.import_frame(frame_of([click("c"), click("d")]), arrived_ms=2)
    log.append([click("e")], arrived_ms=3)
    expected = list(enumerate("abcde", start=1))
    assert [(seq, event.id) for seq, event in read(log)] == expected
    assert log.compact() == 3
    assert [(seq, event.id) for seq, event in read(log)] == expected
    assert log.stats()[:3] == (5, 0, 3)


def test_an_import_is_cut_into_segments(tmp_path):
    with Log.open(tmp_path, segment_rows=10) as log:
        batch = [click(f"i{n}" if n % 3 else None) for n in range(35)]
        assert log.import_frame(frame_of(batch), arrived_ms=1) == ImportResult(35, 0, 1, 35)
        assert log.stats().segments == 4
        assert [event for _, event in read(log)] == batch
        assert log.append(batch, arrived_ms=2).duplicates == sum(e.id is not None for e in batch)
        assert log.import_frame(frame_of(batch), arrived_ms=2).duplicates == 23


@pytest.mark.parametrize("batch_rows", [1, 2, 7, 1000])
def test_a_read_may_begin_and_end_anywhere(tmp_path, batch_rows):
    with Log.open(tmp_path, segment_rows=4) as log:
        log.append([click(f"a{n}") for n in range(6)], arrived_ms=1)
        log.import_frame(frame_of([click(f"b{n}") for n in range(9)]), arrived_ms=2)
        log.append([click(f"c{n}") for n in range(5)], arrived_ms=3)
        whole = read(log)
        assert [seq for seq, _ in whole] == list(range(1, 21))
        for start in range(22):
            for end in range(22):
                part = read(log, start, to_seq=end, batch_rows=batch_rows)
                assert part == [pair for pair in whole if start <= pair[0] <= end]
        assert all(frame.height <= batch_rows for frame in log.read(batch_rows=batch_rows))


def test_frames_have_the_columns_of_the_schema_wherever_they_lie(log):
    log.import_frame(frame_of([click("a")]), arrived_ms=1)
    log.append([click("b")], arrived_ms=1)
    frames = list(log.read())
    assert [dict(frame.schema) for frame in frames] == [SCHEMA, SCHEMA]
    assert frames[0].drop("seq", "id").equals(frames[1].drop("seq", "id"))


@pytest.mark.parametrize(
    "columns",
    [
        ("seq",),
        ("time", "seq", "event"),
        ("seq", "fields", "items"),
        ("seq", "scores", "user", "arrived"),
        ("candidates", "propensities", "vectors", "seq"),
        tuple(SCHEMA),
    ],
)
def test_a_read_of_some_columns_gives_those_of_a_whole_read(log, columns):
    ranking = Ranking(time=5, id="q", user="u1", items=["r1"], scores=[0.5], fields={"a": [1, "b"]})
    served = ServedRanking(time=6, id="p", user="u2", items=["r1", "r2"], candidates=["r1", "r2"])
    room = Item(time=7, item="r1", state="started", fields={"size": 1e300, "ä": None})
    edge = Edge(time=8, user="u1", relation="follows", target="u2", active=False)
    batch: list[Event] = [click("a"), ranking, room, edge]

    def whole() -> pl.DataFrame:
        return pl.concat(log.read())

    for _ in range(2):
        log.append(batch, arrived_ms=1)
        log.append_served([served], arrived_ms=2)
        log.append([edge, User(time=1, user="u3")], arrived_ms=3)
        assert pl.concat(log.read(columns=columns)).equals(whole().select(columns))
        some = list(log.read(2, to_seq=6, batch_rows=2, columns=columns))
        assert all(frame.columns == list(columns) for frame in some)
        expected = whole().filter(pl.col("seq").is_between(2, 6)).select(columns)
        assert pl.concat(some).equals(expected)
        log.compact()


def test_the_tail_is_put_into_columns_as_its_events_would_be(log):
    room = Item(time=7, item="r1", fields={"size": 1.5, "n": 2, "list": ["a", 1], "none": None})
    batch: list[Event] = [room, click("a"), Ranking(time=1, id="q", user="u", items=["r1"])]
    log.append(batch, arrived_ms=9)
    log.append_served([ServedRanking(time=6, id="p", user="u2", items=["r1"])], arrived_ms=9)
    events = [*batch, Ranking(time=6, id="p", user="u2", items=["r1"])]
    expected = frame_of(events, seqs=[1, 2, 3, 4], arrived_ms=9)
    assert pl.concat(log.read()).equals(expected)


def test_a_segment_from_before_a_column_was_known_has_nulls_there(tmp_path):
    ranking = Ranking(time=5, id="q", user="u1", items=["r1"])
    with Log.open(tmp_path) as log:
        log.append([click("a"), ranking], arrived_ms=1)
        log.compact()
        frames = list(log.read())
    [file] = tmp_path.glob("segments/*.parquet")
    pl.read_parquet(file).drop("vectors", "candidate_count").write_parquet(file)
    with sqlite3.connect(tmp_path / "log.sqlite") as database:
        content = file.read_bytes()
        database.execute(
            "UPDATE segments SET bytes = ?, digest = ?",
            (len(content), xxhash.xxh3_128_hexdigest(content)),
        )
    database.close()
    with Log.open(tmp_path) as log:
        assert log.verify() == 1
        assert pl.concat(log.read()).equals(pl.concat(frames))
        assert [event for _, event in read(log)][1] == ranking


def test_expired_events_are_gone_and_their_seqs_are_not_used_again(tmp_path):
    with Log.open(tmp_path, segment_rows=2) as log:
        for time_ms in (10, 20, 30, 40, 50):
            log.import_frame(frame_of([click(None, time=time_ms)] * 2), arrived_ms=100)
        log.append([click("a", time=60), click("b", time=90), click("c", time=60)], arrived_ms=100)
        assert log.expire(41) == 8
        assert [event.time for _, event in read(log)] == [50, 50, 60, 90, 60]
        # what arrived after an event that stays, stays too
        assert log.expire(70) == 3
        assert [(seq, event.time) for seq, event in read(log)] == [(12, 90), (13, 60)]
        assert log.expire(1000) == 2
        assert log.stats() == Stats(0, 0, 0, log.stats().bytes, 13, None, None)
        assert list((tmp_path / "segments").iterdir()) == [tmp_path / "segments/segments.lock"]
    with Log.open(tmp_path) as log:
        assert read(log) == []
        assert log.append([click("a")], arrived_ms=1) == AppendResult([14], 0)


def test_a_clock_that_runs_ahead_does_not_keep_events_for_ever(log):
    log.append([click("a", time=10**12)], arrived_ms=50)
    assert log.stats().newest_ms == 50
    log.compact()
    log.append([click("b", time=10**12)], arrived_ms=60)
    assert log.expire(50) == 0
    assert log.expire(51) == 1  # of the segment
    assert log.expire(61) == 1  # of the tail


def test_compaction_waits_for_enough_rows(log):
    log.append([click("a"), click("b")], arrived_ms=1)
    assert log.compact(min_rows=3) == 0
    assert log.compact(min_rows=2) == 2
    assert log.compact() == 0


def test_a_read_goes_on_across_compaction_and_expiry(tmp_path):
    with Log.open(tmp_path, segment_rows=5) as log:
        log.append([click(f"i{n}") for n in range(40)], arrived_ms=5000)
        seqs = []
        for step, frame in enumerate(log.read(batch_rows=3)):
            seqs += frame["seq"].to_list()
            if step == 2:
                log.compact()
            log.append([click(None)], arrived_ms=5000)  # not part of what the read began with
        assert seqs == list(range(1, 41))
        rest = log.read(batch_rows=3)
        assert next(rest)["seq"].to_list() == [1, 2, 3]
        log.expire(2000)
        assert list(rest) == []


def test_a_poll_for_nothing_new_takes_well_under_a_millisecond(log):
    log.append([click("a")], arrived_ms=1)
    list(log.read(2))
    fastest = min(_seconds(lambda: list(log.read(2))) for _ in range(50))
    assert fastest < 0.001


def _seconds(job) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def test_ids_of_any_characters_are_told_apart(log):
    ids = [
        "a",
        "a\x00",
        "a\x00b",
        "A",
        "ä",
        "a\u0308",
        "'; DROP TABLE tail; --",
        "😀",
        " ",
        "user:7",
    ]
    assert log.append([click(key) for key in ids], arrived_ms=1).duplicates == 0
    assert log.append([click(key) for key in ids], arrived_ms=1).duplicates == len(ids)
    log.compact()
    assert log.append([click(key) for key in ids], arrived_ms=1).duplicates == len(ids)
    assert [event.id for _, event in read(log)] == ids


def test_a_frame_that_holds_no_events_is_refused_in_words(log):
    with pytest.raises(LogError, match="`seq` is missing, expected Int64"):
        log.import_frame(pl.DataFrame({"event": ["user"]}), arrived_ms=1)
    odd = frame_of([click("a"), click("b")]).with_columns(
        event=pl.Series(["interaction", "interactoin"])
    )
    with pytest.raises(
        EventError, match=r"Row 1 .* has event 'interactoin' at time 1000; expected"
    ):
        log.import_frame(odd, arrived_ms=1)
    assert log.import_frame(empty_frame(), arrived_ms=1) == ImportResult(0, 0, None, None)
    assert log.last_seq() == 0


def test_wrong_arguments_are_refused_in_words(log, tmp_path):
    with pytest.raises(LogError, match="`batch_rows` is 0; expected 1 or more"):
        next(log.read(batch_rows=0))
    with pytest.raises(LogError, match="`segment_rows` is 0; expected 1 or more"):
        Log.open(tmp_path / "other", segment_rows=0)
    with pytest.raises(EventError, match="cannot be stored"):
        log.append([click("\ud800")], arrived_ms=1)
    assert read(log) == []
