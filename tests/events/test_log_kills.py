"""Processes that write the log are killed; what was acknowledged is there, and nothing is half."""

import os
import random
import shutil
import signal
import time
from itertools import pairwise
from pathlib import Path

import log_writers
import msgspec
import pytest
from log_writers import batch_of, served_of

from liverank.events.frame import events_of, frame_of
from liverank.events.log import Log


def await_end(pid: int) -> None:
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "a process does not end"
        time.sleep(0.001)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await_end(pid)


def await_first_words(files: list[Path]) -> None:
    """Wait until every process has something acknowledged."""
    end = time.monotonic() + 60
    while not all(file.exists() and file.stat().st_size for file in files):
        assert time.monotonic() < end, "the writers do not write"
        time.sleep(0.001)


def held_by(directory: Path) -> dict[str, int]:
    """The seq of each id in a log, having checked that the log keeps its promises."""
    with Log.open(directory) as log:
        log.verify()
        rows = [row for frame in log.read() for row in frame.select("seq", "id").rows()]
        some = [event for frame in log.read(to_seq=rows[:50][-1][0]) for event in events_of(frame)][
            :50
        ]
        assert log.import_frame(frame_of(some), arrived_ms=1).duplicates == len(some)
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(rows))
    held = {key: seq for seq, key in rows}
    assert len(held) == len(rows), "an id was taken in twice"
    return held


def assert_batches_are_whole(held: dict[str, int]) -> None:
    """Ids end in ``.place.size``; all places of a batch must be there, one seq after another."""
    batches: dict[str, list[int]] = {}
    for key, seq in held.items():
        batches.setdefault(key.rsplit(".", 2)[0] + "/" + key.rsplit(".", 1)[1], []).append(seq)
    for name, seqs in batches.items():
        assert len(seqs) == int(name.rsplit("/", 1)[1])
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_kills_while_several_processes_append(tmp_path, start):
    chance = random.Random(7)
    kills = 0
    for round_ in range(36):
        names = [f"{round_}-{writer}" for writer in range(3)]
        writers = [start(log_writers.append_for_ever, tmp_path, name, round_) for name in names]
        await_first_words([tmp_path / f"{name}.acknowledged" for name in names])
        for writer in chance.sample(writers, len(writers)):
            time.sleep(chance.random() * 0.03)
            kill(writer)
            kills += 1
    held = held_by(tmp_path / "log")
    assert_batches_are_whole(held)
    acknowledged = [
        line.split()
        for file in tmp_path.glob("*.acknowledged")
        for line in file.read_text().splitlines()
    ]
    assert kills > 100
    assert len(acknowledged) > 200
    for first_seq, last_id in acknowledged:
        assert held[last_id] == int(first_seq) + int(last_id.rsplit(".", 1)[1]) - 1


def test_kills_while_processes_append_import_compact_and_expire(tmp_path, start):
    chance = random.Random(11)
    expired_ms = 0
    acknowledged: dict[str, tuple[int, int]] = {}
    kills = checked = 0
    for round_ in range(52):
        now_ms = 1000 + 100 * round_
        names = [f"{round_}-{writer}" for writer in range(2)]
        writers = [
            start(log_writers.do_anything_for_ever, tmp_path, name, chance.randrange(10**6), now_ms)
            for name in names
        ]
        files = [tmp_path / f"{name}.acknowledged" for name in names]
        await_first_words(files)
        for writer in chance.sample(writers, len(writers)):
            time.sleep(chance.random() * 0.1)
            kill(writer)
            kills += 1
        for line in [line for file in files for line in file.read_text().splitlines()]:
            first, last_id, *at_ms = line.split()
            if first == "expire":
                expired_ms = max(expired_ms, int(last_id))
            else:
                acknowledged[last_id] = (int(first), int(at_ms[0]))
        held = held_by(tmp_path / "log")
        for last_id, (first_seq, at_ms) in acknowledged.items():
            if at_ms >= expired_ms:
                assert held[last_id] == first_seq + int(last_id.rsplit(".", 1)[1]) - 1
                checked += 1
    assert kills > 100
    assert checked > 100


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A log with old and new segments, and a tail of six events and a block of twelve rankings."""
    directory = tmp_path_factory.mktemp("prepared") / "log"
    with Log.open(directory, segment_rows=4) as log:
        log.import_frame(frame_of(batch_of("old", 0, 6, 1000)), arrived_ms=2**40)
        log.import_frame(frame_of(batch_of("late", 0, 6, 2000)), arrived_ms=2**40)
        log.append(batch_of("tail", 0, 6, 2000), arrived_ms=2**40)
        theirs = [
            msgspec.structs.replace(one, user="of old") for one in served_of("seen", 0, 6, 2000)
        ]
        log.append_served([*theirs, *served_of("block", 0, 6, 2000)], arrived_ms=2**40)
    return directory


@pytest.mark.parametrize(
    "action",
    ["append", "append served", "import", "import frames", "compact", "expire", "erase"],
)
def test_a_kill_at_any_step_leaves_all_of_it_or_nothing(tmp_path, prepared, start, action):
    before = {"old", "late", "tail", "seen", "block"}
    after = {
        "append": before | {"new"},
        "append served": before | {"new"},
        "import": before | {"new"},
        "import frames": before | {"new"},
        "compact": before,
        "expire": before - {"old"},
        "erase": before - {"old", "seen"},
    }[action]
    last_seq = 30 if action in ("compact", "expire", "erase") else 36
    outcomes = []
    step = 1
    while True:
        directory = tmp_path / str(step)
        shutil.copytree(prepared, directory)
        await_end(start(log_writers.die_at_step, directory, action, step))
        held = held_by(directory)
        assert {key.partition(".")[0] for key in held} in (before, after)
        if action != "expire":  # segments of an expired batch go one by one, with their newest
            assert_batches_are_whole(held)
        with Log.open(directory) as log:
            stats = log.stats()
            files = {file.stem for file in directory.glob("segments/*.*")} - {"segments"}
            assert len(files) == stats.segments, "orphans are left"
            assert log.last_seq() == (last_seq if len(held) > 30 else 30)
            outcomes.append((len(held), stats.tail_rows))
            if action == "erase":  # on the list exactly when the events are gone
                file = frame_of(batch_of("old", 1, 2, 1000))
                assert log.import_frame(file, arrived_ms=1).suppressed == 2 * (len(held) < 30)
        if (directory / "done").exists():
            break
        step += 1
    assert len(outcomes) > 2, "it is killed before, meanwhile and after"
    assert outcomes[0] != outcomes[-1], "the last run finished, the first had not begun"
    assert outcomes == sorted(outcomes, reverse=outcomes[0] > outcomes[-1])
