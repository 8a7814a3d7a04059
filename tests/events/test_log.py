"""The log against a plain list that keeps the same promises."""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from test_event import events

from liverank.errors import EventError, LogError
from liverank.events.event import Event, Interaction, Item, User, dedup_id
from liverank.events.frame import SCHEMA, empty_frame, events_of, frame_of
from liverank.events.log import Appended, Imported, Log, Stats, bulk, compaction


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
    assert log.append(batch, arrived_ms=10) == Appended([1, 2, 3], 0)
    assert log.append([click("b")], arrived_ms=11) == Appended([4], 0)
    assert read(log) == list(enumerate([*batch, click("b")], start=1))
    assert [frame["arrived"].to_list() for frame in log.read()] == [[10, 10, 10, 11]]
    assert log.last_seq() == 4


def test_a_repeat_is_dropped_within_a_batch_in_the_tail_and_in_segments(log):
    first = log.append([click("a"), click("a", time=2000), click(None), click(None)], arrived_ms=1)
    assert first == Appended([1, None, 2, 3], 1)
    assert log.append([click("a")], arrived_ms=2) == Appended([None], 1)
    log.compact()
    assert log.append([click("a"), click("b")], arrived_ms=3) == Appended([None, 4], 1)
    again = frame_of([click("b"), click("a"), click("c"), click("c")])
    assert log.import_frame(again, arrived_ms=4) == Imported(1, 3, 5, 5)
    assert log.import_frame(again, arrived_ms=5) == Imported(0, 4, None, None)
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
        assert log.import_frame(frame_of(batch), arrived_ms=1) == Imported(35, 0, 1, 35)
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
        assert log.append([click("a")], arrived_ms=1) == Appended([14], 0)


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


def test_threads_that_append_at_once_share_commits_and_keep_their_batches_whole(tmp_path):
    with Log.open(tmp_path) as log:

        def client(name: int) -> list[int | None]:
            return [
                seq
                for n in range(50)
                for seq in log.append(
                    [click(f"{name}.{n}.{k}") for k in range(3)], arrived_ms=1
                ).seqs
            ]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client, range(8)))
        assert sorted(seq for seqs in answers for seq in seqs) == list(range(1, 1201))
        assert all(seqs == sorted(seqs) for seqs in answers)
        held = {event.id: seq for seq, event in read(log)}
        for name, seqs in enumerate(answers):
            for n in range(50):
                batch = [held[f"{name}.{n}.{k}"] for k in range(3)]
                assert batch == seqs[3 * n : 3 * n + 3] == list(range(batch[0], batch[0] + 3))


def test_threads_that_send_the_same_events_have_them_taken_in_once(tmp_path):
    with Log.open(tmp_path, segment_rows=30) as log:
        batch = [click(f"i{n}") for n in range(100)]
        stop = threading.Event()

        def compacting() -> None:
            while not stop.wait(0.001):
                log.compact()

        with ThreadPoolExecutor(5) as pool:
            compactor = pool.submit(compacting)
            jobs = [
                pool.submit(log.append, [event], arrived_ms=1) for event in batch for _ in range(3)
            ] + [pool.submit(log.import_frame, frame_of(batch), arrived_ms=1) for _ in range(3)]
            for job in jobs:
                job.result()
            stop.set()
            compactor.result()
        assert sorted(event.id for _, event in read(log)) == sorted(event.id for event in batch)
        assert [seq for seq, _ in read(log)] == list(range(1, 101))


@pytest.mark.parametrize("then", ["append", "compact", "import"])
def test_a_repeat_that_arrives_while_an_import_is_written_is_taken_in_once(
    tmp_path, monkeypatch, then
):
    write_segment = bulk.write_segment

    def write_slowly(*arguments):
        monkeypatch.setattr(bulk, "write_segment", write_segment)
        with Log.open(tmp_path) as other:  # somebody else, meanwhile
            if then == "import":
                other.import_frame(frame_of([click("b"), click("x")]), arrived_ms=1)
            else:
                other.append([click("b"), click("x")], arrived_ms=1)
            if then == "compact":
                other.compact()
        return write_segment(*arguments)

    with Log.open(tmp_path) as log:
        log.append([click("a")], arrived_ms=1)
        monkeypatch.setattr(bulk, "write_segment", write_slowly)
        batch = [click(key) for key in "abcd"]
        assert log.import_frame(frame_of(batch), arrived_ms=1) == Imported(2, 2, 4, 5)
        assert [event.id for _, event in read(log)] == ["a", "b", "x", "c", "d"]
        files = {file.stem for file in tmp_path.glob("segments/*.parquet")}
        assert len(files) == log.stats().segments


def test_of_two_compactions_at_once_one_moves_the_rows(tmp_path, monkeypatch):
    write_segment = compaction.write_segment

    def write_slowly(*arguments):
        monkeypatch.setattr(compaction, "write_segment", write_segment)
        with Log.open(tmp_path) as other:
            assert other.compact() == 3
            other.append([click("d")], arrived_ms=1)
        return write_segment(*arguments)

    with Log.open(tmp_path) as log:
        log.append([click("a"), click("b"), click("c")], arrived_ms=1)
        monkeypatch.setattr(compaction, "write_segment", write_slowly)
        assert log.compact() == 0
        assert [event.id for _, event in read(log)] == ["a", "b", "c", "d"]
        assert (log.stats().segments, log.stats().tail_rows) == (1, 1)
        assert len(list(tmp_path.glob("segments/*.parquet"))) == 1


def test_a_poller_sees_every_event_once_in_order_while_others_write(tmp_path):
    """Two writers, a compactor and a poller, each with the log opened for itself."""
    stop = threading.Event()

    def write(name: str, do) -> int:
        with Log.open(tmp_path, segment_rows=50) as log:
            return sum(
                do(log, [click(f"{name}{n}.{k}") for k in range(n % 7 + 1)]) for n in range(60)
            )

    def compact() -> None:
        with Log.open(tmp_path, segment_rows=50) as log:
            while not stop.wait(0.005):
                log.compact()

    def poll() -> list[int]:
        seqs: list[int] = []
        with Log.open(tmp_path) as log:
            while True:
                at_end = stop.is_set()
                for frame in log.read(len(seqs) + 1, batch_rows=20):
                    seqs += frame["seq"].to_list()
                if at_end:
                    return seqs

    with ThreadPoolExecutor(4) as pool:
        poller, compactor = pool.submit(poll), pool.submit(compact)
        writers = [
            pool.submit(write, "a", lambda log, batch: len(log.append(batch, arrived_ms=1).seqs)),
            pool.submit(write, "b", lambda log, batch: _import(log, batch)),
        ]
        written = sum(writer.result() for writer in writers)
        stop.set()
        compactor.result()
        assert poller.result() == list(range(1, written + 1))


def _import(log: Log, batch: list[Event]) -> int:
    return log.import_frame(frame_of(batch), arrived_ms=1).accepted


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
    assert log.import_frame(empty_frame(), arrived_ms=1) == Imported(0, 0, None, None)
    assert log.last_seq() == 0


def test_wrong_arguments_are_refused_in_words(log, tmp_path):
    with pytest.raises(LogError, match="`batch_rows` is 0; expected 1 or more"):
        next(log.read(batch_rows=0))
    with pytest.raises(LogError, match="`segment_rows` is 0; expected 1 or more"):
        Log.open(tmp_path / "other", segment_rows=0)
    with pytest.raises(EventError, match="cannot be stored"):
        log.append([click("\ud800")], arrived_ms=1)
    assert read(log) == []


few_ids = st.sampled_from(["a", "b", "c", "d", "e", None])
batches = st.lists(
    st.one_of(
        events,
        st.builds(click, few_ids, time=st.integers(0, 100)),
        st.builds(User, time=st.integers(0, 100), user=st.just("u1"), id=few_ids),
    ),
    max_size=6,
)


class LogAndList(RuleBasedStateMachine):
    """Do the same to a log and to a list of (seq, event)."""

    @initialize(segment_rows=st.integers(1, 5))
    def begin(self, segment_rows):
        self.directory = Path(tempfile.mkdtemp(dir=self.folder))
        self.segment_rows = segment_rows
        self.log = Log.open(self.directory, segment_rows=segment_rows)
        self.held: list[tuple[int, Event]] = []
        self.known: set[str] = set()
        self.last = 0

    def take(self, batch: list[Event]) -> list[int | None]:
        seqs: list[int | None] = []
        for event in batch:
            key = dedup_id(event)
            if key is not None and key in self.known:
                seqs.append(None)
                continue
            if key is not None:
                self.known.add(key)
            self.last += 1
            seqs.append(self.last)
            self.held.append((self.last, event))
        return seqs

    @rule(batch=batches)
    def append(self, batch):
        seqs = self.take(batch)
        assert self.log.append(batch, arrived_ms=50) == Appended(seqs, seqs.count(None))

    @rule(batch=batches)
    def import_frame(self, batch):
        seqs = self.take(batch)
        new = [seq for seq in seqs if seq is not None]
        expected = Imported(
            len(new), seqs.count(None), min(new, default=None), max(new, default=None)
        )
        assert self.log.import_frame(frame_of(batch), arrived_ms=50) == expected

    @rule(min_rows=st.integers(1, 4))
    def compact(self, min_rows):
        tail = self.log.stats().tail_rows
        assert self.log.compact(min_rows=min_rows) == (tail if tail >= min_rows else 0)

    @rule()
    def forget_some_files_of_ids(self):
        for file in sorted(self.directory.glob("segments/*.ids"))[::2]:
            file.unlink()
        self.reopen()

    @rule()
    def reopen(self):
        self.log.close()
        self.log = Log.open(self.directory, segment_rows=self.segment_rows)

    @rule(before_ms=st.integers(0, 60))
    def expire(self, before_ms):
        dropped = self.log.expire(before_ms)
        kept = {seq for seq, _ in read(self.log)}
        gone = [(seq, event) for seq, event in self.held if seq not in kept]
        assert len(gone) == dropped
        assert all(min(event.time, 50) < before_ms for _, event in gone)
        self.held = [pair for pair in self.held if pair[0] in kept]
        self.known = {key for _, event in self.held if (key := dedup_id(event)) is not None}

    @invariant()
    def the_log_holds_what_the_list_holds(self):
        if hasattr(self, "log"):
            assert read(self.log) == self.held
            assert self.log.last_seq() == self.last
            assert self.log.stats().rows == len(self.held)

    def teardown(self):
        if hasattr(self, "log"):
            self.log.verify()
            self.log.close()


def test_a_log_does_what_a_list_does(tmp_path):
    class Machine(LogAndList):
        folder = tmp_path

    Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
    Machine.TestCase("runTest").runTest()
