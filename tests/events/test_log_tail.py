"""Following the tail, event by event, gives what reading the log gives."""

import random
import threading

import pytest
from test_log import click, read

from liverank.errors import LogError
from liverank.events.event import Ranking, ServedRanking, User
from liverank.events.frame import frame_of
from liverank.events.log import Log, TailEvent, TailSlice


def ranking(key: str) -> Ranking:
    return Ranking(time=5, id=key, user="u1", items=["r1", "r2"])


@pytest.fixture
def log(tmp_path):
    with Log.open(tmp_path) as log:
        yield log


def test_the_next_events_come_with_their_seqs_and_arrivals(log):
    log.append([click("a"), ranking("q1")], arrived_ms=10)
    log.append([click("b")], arrived_ms=11)
    assert log.read_tail(2, rows=9) == TailSlice(
        [TailEvent(2, 10, ranking("q1")), TailEvent(3, 11, click("b"))], 3
    )
    assert log.read_tail(1, rows=2) == TailSlice(
        [TailEvent(1, 10, click("a")), TailEvent(2, 10, ranking("q1"))], 2
    )


def test_where_there_is_nothing_new_there_are_no_events(log):
    assert log.read_tail(1, rows=9) == TailSlice([], 0)
    log.append([click("a")], arrived_ms=1)
    assert log.read_tail(2, rows=9) == TailSlice([], 1)


def test_rankings_are_passed_over_on_demand(log):
    log.append([ranking("q1"), click("ranking:a"), ranking("q2"), click(None)], arrived_ms=1)
    log.append([ranking("q3")], arrived_ms=2)
    told = log.read_tail(1, rows=9, rankings=False)
    assert told == TailSlice([TailEvent(2, 1, click("ranking:a")), TailEvent(4, 1, click(None))], 5)
    assert log.read_tail(5, rows=9, rankings=False) == TailSlice([], 5)
    assert log.read_tail(1, rows=1, rankings=False).through_seq == 2


def test_what_lies_in_a_segment_is_left_to_frames(log):
    log.append([click("a")], arrived_ms=1)
    log.import_frame(frame_of([click("b"), click("c")]), arrived_ms=2)
    log.append([click("d")], arrived_ms=3)
    assert log.read_tail(1, rows=9) == TailSlice([TailEvent(1, 1, click("a"))], 1)
    assert log.read_tail(2, rows=9) is None
    assert log.read_tail(3, rows=9) is None
    assert log.read_tail(4, rows=9) == TailSlice([TailEvent(4, 3, click("d"))], 4)
    log.compact()
    assert log.read_tail(4, rows=9) is None
    assert log.read_tail(5, rows=9) == TailSlice([], 4)


def test_expired_and_erased_events_are_passed(log):
    log.append([click("a", time=1), User(time=100, user="u2")], arrived_ms=100)
    log.append([click("b", time=100)], arrived_ms=100)
    log.expire(50)
    log.erase("u2", at_ms=200)
    assert log.read_tail(1, rows=9) == TailSlice([TailEvent(3, 100, click("b", time=100))], 3)
    log.erase("u1", at_ms=200)
    assert log.read_tail(1, rows=9) == TailSlice([], 3)


def test_no_rows_are_refused(log):
    with pytest.raises(LogError, match="`rows` is 0"):
        log.read_tail(1, rows=0)


def test_a_follower_misses_nothing_while_the_log_is_appended_to_imported_into_and_compacted(
    tmp_path,
):
    """What is not in the tail is read as frames; each event must come once, in order."""
    done = threading.Event()

    def write() -> None:
        chance = random.Random(3)
        with Log.open(tmp_path, segment_rows=50) as log:
            for number in range(150):
                batch = [click(f"{number}.{k}") for k in range(chance.choice([1, 3, 20]))]
                if chance.random() < 0.1:
                    log.import_frame(frame_of(batch), arrived_ms=1)
                elif chance.random() < 0.3:
                    served = [
                        ServedRanking(time=1, id=f"s{event.id}", user="u1", items=["r1"])
                        for event in batch
                    ]
                    log.append_served(served, arrived_ms=1)
                else:
                    log.append([*batch, ranking(str(number))], arrived_ms=1)
                if chance.random() < 0.1:
                    log.compact()
        done.set()

    with Log.open(tmp_path) as log:
        thread = threading.Thread(target=write)
        thread.start()
        seen = []
        seq = by_tail = 0
        while True:
            is_over = done.is_set()
            told = log.read_tail(seq + 1, rows=7)
            if told is None:
                pairs = read(log, seq + 1, to_seq=seq + 7)
                seen += pairs
                seq = pairs[-1][0]
            else:
                seen += [(seq, event) for seq, _, event in told.events]
                by_tail += len(told.events)
                is_at_end = told.through_seq == seq
                seq = told.through_seq
                if is_over and is_at_end:
                    break
        thread.join()
        assert seen == read(log)
        assert by_tail > 100
