"""Served rankings take little room and are rankings all the same."""

import sqlite3

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from served_rankings import as_ranking, served_rankings
from test_log import click, read

from liverank.errors import EventError, LogCorruptError
from liverank.events.event import Interaction, Ranking, ServedRanking
from liverank.events.frame import frame_of
from liverank.events.log import EraseResult, ImportResult, Log, RankingAppendResult, bulk_import
from liverank.events.log.storage import blocks, ids
from liverank.events.log.storage.served_codec import decode_rankings, encode_rankings


def served(key: str, *, user: str = "u1", time: int = 1000, **what) -> ServedRanking:
    return ServedRanking(time=time, id=key, user=user, items=["r1", "r2"], **what)


@pytest.fixture
def log(tmp_path):
    with Log.open(tmp_path) as log:
        yield log


def tables(directory) -> tuple[int, int, int]:
    """Rows of the tail, blocks, and hashes of ids in blocks."""
    with sqlite3.connect(directory / "log.sqlite") as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("tail", "blocks", "block_ids")
        ]
    database.close()
    return tuple(counts)


def body_of_only_block(directory) -> bytes:
    with sqlite3.connect(directory / "log.sqlite") as database:
        ((body,),) = database.execute("SELECT body FROM blocks").fetchall()
    database.close()
    return body


def everything_in(directory) -> bytes:
    return b"".join(file.read_bytes() for file in directory.rglob("*") if file.is_file())


@given(st.lists(served_rankings(), min_size=1, max_size=6), st.data())
def test_what_is_decoded_is_what_was_encoded_with_scores_as_float32(batch, data):
    body = encode_rankings(batch, zstandard.ZstdCompressor())
    expected = list(enumerate(map(as_ranking, batch)))
    assert decode_rankings(body) == expected
    first = data.draw(st.integers(-1, len(batch)))
    last = data.draw(st.integers(first, len(batch)))
    assert decode_rankings(body, first, last) == expected[max(first, 0) : last + 1]
    places = sorted(data.draw(st.sets(st.integers(0, 99), min_size=6, max_size=6)))[: len(batch)]
    apart = encode_rankings(batch, zstandard.ZstdCompressor(), positions=places)
    assert [place for place, _ in decode_rankings(apart)] == places


def test_many_items_are_numbered_in_more_bytes():
    for number in (255, 256, 257, 70_000):
        items = [f"r{n}" for n in range(number)]
        one = ServedRanking(time=0, id="q", user="u", items=items, scores=np.arange(number))
        ((_, ranking),) = decode_rankings(encode_rankings([one], zstandard.ZstdCompressor()))
        assert ranking.items == items
        assert ranking.scores == list(range(number))


def test_a_batch_is_one_row_and_stands_in_the_order_among_events(log, tmp_path):
    log.append([click("a")], arrived_ms=1)
    batch = [served("q1", scores=[0.25, 0.125]), served("q2", fields={"device": "ios"})]
    assert log.append_served(batch, arrived_ms=2) == RankingAppendResult(2, 2, 0, 0)
    log.append([click("b")], arrived_ms=3)
    assert tables(tmp_path) == (2, 1, 2)
    expected = [click("a"), *map(as_ranking, batch), click("b")]
    assert read(log) == list(enumerate(expected, start=1))
    assert read(log, 3) == list(enumerate(expected, start=1))[2:]
    assert [frame["arrived"].to_list() for frame in log.read()] == [[1, 2, 2, 3]]
    assert [frame.height for frame in log.read(batch_rows=3)] == [3, 1]
    assert log.append_served([], arrived_ms=4) == RankingAppendResult(None, 0, 0, 0)


def test_a_long_batch_makes_several_blocks(log, tmp_path):
    batch = [served(f"q{n}") for n in range(2 * blocks.MOST_ROWS + 1)]
    assert log.append_served(batch, arrived_ms=1) == RankingAppendResult(1, len(batch), 0, 0)
    assert tables(tmp_path) == (0, 3, len(batch))
    assert [event for _, event in read(log)] == list(map(as_ranking, batch))
    assert log.append_served(batch, arrived_ms=1) == RankingAppendResult(None, 0, len(batch), 0)


def test_an_id_is_taken_in_once_over_rows_blocks_and_segments(log, tmp_path):
    def offer(*keys):
        return log.append_served([served(key) for key in keys], arrived_ms=1)

    log.append([Ranking(time=1, id="row", user="u1", items=[])], arrived_ms=1)
    log.append([click("clicked")], arrived_ms=1)
    assert offer("a", "row", "a", "clicked") == RankingAppendResult(3, 2, 2, 0)
    assert log.append([as_ranking(served("a"))], arrived_ms=1).duplicates == 1
    again = frame_of([as_ranking(served(key)) for key in ("a", "new", "row")])
    assert log.import_frame(again, arrived_ms=1) == ImportResult(1, 2, 5, 5)
    assert offer("new", "b") == RankingAppendResult(6, 1, 1, 0)
    log.compact()
    assert tables(tmp_path) == (0, 0, 0)
    assert offer("a", "b", "row", "new", "c") == RankingAppendResult(7, 1, 4, 0)


def test_equal_hashes_never_drop_a_ranking(tmp_path, monkeypatch):
    monkeypatch.setattr(ids.xxhash, "xxh3_64_intdigest", lambda _: 2**64 - 1)
    with Log.open(tmp_path) as log:
        assert log.append_served([served("a"), served("b")], arrived_ms=1).accepted == 2
        assert log.append_served([served("c"), served("a")], arrived_ms=1)[1:3] == (1, 1)
        assert [event.id for _, event in read(log)] == ["a", "b", "c"]


def test_an_import_that_began_before_a_ranking_was_served_drops_its_repeat(log, monkeypatch):
    """The ranking comes in when the import has looked at the log and has yet to take its place."""
    drop_rows = bulk_import.drop_rows
    batches = [[served("x"), served("a")]]

    def drop_rows_late(*arguments):
        while batches:
            log.append_served(batches.pop(), arrived_ms=1)
        drop_rows(*arguments)

    monkeypatch.setattr(bulk_import, "drop_rows", drop_rows_late)
    frame = frame_of([as_ranking(served("a")), click("b")])
    assert log.import_frame(frame, arrived_ms=2) == ImportResult(1, 1, 3, 3)
    assert [event.id for _, event in read(log)] == ["x", "a", "b"]


def test_compaction_moves_blocks_whole_in_their_order(tmp_path):
    with Log.open(tmp_path, segment_rows=3) as log:
        log.append([click("a")], arrived_ms=1)
        log.append_served([served(f"q{n}") for n in range(4)], arrived_ms=1)
        log.append([click("b")], arrived_ms=1)
        before = read(log)
        assert log.compact(min_rows=7) == 0
        assert log.compact(min_rows=6) == 6
        assert log.stats()[:3] == (6, 0, 2)
        assert read(log) == before


def test_expiry_drops_the_blocks_before_the_first_event_that_is_younger(log):
    log.append_served([served("q1", time=10), served("q2", time=20)], arrived_ms=100)
    log.append([click("a", time=10)], arrived_ms=100)
    log.append_served([served("q3", time=10), served("q4", time=60)], arrived_ms=100)
    log.append([click("b", time=10)], arrived_ms=100)
    assert log.stats()[5:] == (10, 60)
    assert log.expire(20) == 0
    assert log.expire(21) == 3
    assert [seq for seq, _ in read(log)] == [4, 5, 6]
    assert log.append_served([served("q1"), served("q4")], arrived_ms=100).accepted == 1
    assert log.expire(61) == 3


def test_a_clock_that_runs_ahead_makes_a_ranking_as_old_as_its_arrival(log):
    log.append_served([served("q1", time=10**12)], arrived_ms=100)
    assert log.stats()[5:] == (10**12, 100)
    assert log.expire(101) == 1


def test_an_erasure_takes_the_rankings_of_the_user_and_their_name_in_those_of_others(log, tmp_path):
    log.append_served(
        [
            served("q1", user="anna"),
            served("q2", user="ben", fields={"host": "anna", "with": ["anna", "carl"], "n": 1}),
            served("q3", user="anna"),
            served("q4", user="carl"),
        ],
        arrived_ms=1,
    )
    log.append_served([served("q5", user="hanna", surface="anna")], arrived_ms=1)
    generation = log.generation()
    assert log.erase("anna", at_ms=2000) == EraseResult(2, 0, 1)
    assert log.generation() == generation + 1
    left = served("q2", user="ben", fields={"with": ["carl"], "n": 1})
    rest = {2: left, 4: served("q4", user="carl"), 5: served("q5", user="hanna", surface="anna")}
    assert dict(read(log)) == {seq: as_ranking(one) for seq, one in rest.items()}
    assert read(log, 3)[0][0] == 4
    assert tables(tmp_path) == (0, 2, 3)
    again = [served("q1", user="ben"), served("q2", user="ben")]
    assert log.append_served(again, arrived_ms=1)[1:3] == (1, 1)
    assert log.compact() == 4


def test_no_byte_of_an_erased_user_stays(log, tmp_path):
    secret = "x7Q2-unlikely-anywhere"
    others = [served(f"q{n}", user=f"u{n}") for n in range(30)]
    log.append_served([*others, served("mine", user=secret)], arrived_ms=1)
    before = body_of_only_block(tmp_path)[40:80]
    assert before in everything_in(tmp_path)
    log.erase(secret, at_ms=2000)
    assert before not in everything_in(tmp_path)
    body = body_of_only_block(tmp_path)
    texts = zstandard.ZstdDecompressor().decompress(msgspec.msgpack.decode(body)[0])
    assert secret.encode() not in texts
    assert len(read(log)) == 30


def test_rankings_of_an_erased_user_are_refused_up_to_the_erasure(log):
    log.erase("anna", at_ms=1500)
    batch = [
        served("q1", user="anna", time=1500),
        served("q2", user="anna", time=1501),
        served("q3", user="ben", fields={"host": "anna"}),
        served("q3", user="ben"),
    ]
    assert log.append_served(batch, arrived_ms=1) == RankingAppendResult(1, 2, 1, 1)
    assert [event for _, event in read(log)] == [
        as_ranking(batch[1]),
        as_ranking(served("q3", user="ben")),
    ]


@pytest.mark.parametrize(
    "odd",
    [
        served("q", scores=[1.0]),
        served("q", candidates=["r1", "r3"]),
        served("q", propensities=[0.5, 0.0]),
        served("q", vectors=b"123"),
        served("\ud800"),
        served("q", time=-1),
        served("q", time=10**15),
        ServedRanking(time=0, id="q", user="u", items=["r1", "r1"]),
    ],
)
def test_a_ranking_that_could_not_be_read_again_is_refused_with_its_batch(log, odd):
    with pytest.raises(EventError, match="A ranking cannot be stored: "):
        log.append_served([served("fine"), odd], arrived_ms=1)
    assert log.last_seq() == 0
    assert log.append_served([served("fine")], arrived_ms=1).accepted == 1


def test_a_damaged_block_is_named_and_never_read(log, tmp_path):
    log.append_served([served("q1"), served("q2")], arrived_ms=1)
    log.append([click("a")], arrived_ms=1)
    with sqlite3.connect(tmp_path / "log.sqlite") as database:
        body = bytearray(database.execute("SELECT body FROM blocks").fetchone()[0])
        body[-1] ^= 1
        database.execute("UPDATE blocks SET body = ?", (bytes(body),))
    database.close()
    for what in (log.verify, lambda: read(log), lambda: log.read_tail(1, rows=9)):
        with pytest.raises(LogCorruptError, match=r"log\.sqlite.*rankings from seq 1 to 2"):
            what()
    assert [one.seq for one in log.read_tail(1, rows=9, rankings=False).events] == [3]


def test_a_follower_may_cut_a_block_and_may_pass_over_it(log):
    log.append_served([served(f"q{n}") for n in range(5)], arrived_ms=7)
    log.append([Interaction(time=1, type="join", user="u1", item="r1")], arrived_ms=8)
    seqs, seq = [], 0
    while (told := log.read_tail(seq + 1, rows=2)).events:
        seqs.append([one.seq for one in told.events])
        seq = told.through_seq
    assert seqs == [[1, 2], [3, 4], [5, 6]]
    assert {one.arrived_ms for one in log.read_tail(1, rows=5).events} == {7}
    assert [one.seq for one in log.read_tail(1, rows=2, rankings=False).events] == [6]


def test_a_follower_goes_on_from_the_middle_of_a_block_into_the_next(log):
    for start in (0, 3):
        log.append_served([served(f"q{start + n}") for n in range(3)], arrived_ms=7)
    assert [one.seq for one in log.read_tail(3, rows=2).events] == [3, 4]
    assert [frame["seq"].to_list() for frame in log.read(3, batch_rows=2)] == [[3, 4], [5, 6]]
