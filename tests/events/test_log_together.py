"""Several threads and openings of one log at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_log import click, read

from liverank.events.event import Event
from liverank.events.frame import frame_of
from liverank.events.log import ImportResult, Log, compaction
from liverank.events.log.storage import segment_writer


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
    write_segment = segment_writer.write_segment

    def write_slowly(*arguments):
        monkeypatch.setattr(segment_writer, "write_segment", write_segment)
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
        monkeypatch.setattr(segment_writer, "write_segment", write_slowly)
        batch = [click(key) for key in "abcd"]
        assert log.import_frame(frame_of(batch), arrived_ms=1) == ImportResult(2, 2, 4, 5)
        assert [event.id for _, event in read(log)] == ["a", "b", "x", "c", "d"]
        files = {file.stem for file in tmp_path.glob("segments/*.parquet")}
        assert len(files) == log.stats().segments


def test_of_two_compactions_at_once_one_moves_the_rows(tmp_path, monkeypatch):
    write_with_ids = compaction.write_with_ids

    def write_slowly(*arguments):
        monkeypatch.setattr(compaction, "write_with_ids", write_with_ids)
        with Log.open(tmp_path) as other:
            assert other.compact() == 3
            other.append([click("d")], arrived_ms=1)
        return write_with_ids(*arguments)

    with Log.open(tmp_path) as log:
        log.append([click("a"), click("b"), click("c")], arrived_ms=1)
        monkeypatch.setattr(compaction, "write_with_ids", write_slowly)
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
