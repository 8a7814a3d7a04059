"""Processes that take snapshots are killed; what loads then is a clean replay, bit for bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import snapshot_takers
from snapshot_takers import LAYOUT, NOW_MS, SETTINGS, some_events

from liverank.events.log import Log
from liverank.features.kernels.memory.offsets import FIRST_LEVEL, HEADER_LEVEL, HEADER_VERSION
from liverank.serving.state.erase import remove_snapshots
from liverank.serving.state.log_fold import fold_log
from liverank.serving.state.snapshots import _locked, load_newest, take_snapshot


@pytest.fixture(scope="module")
def start():
    """A function that starts a function of snapshot_takers in a process, and returns its pid."""
    nursery = subprocess.Popen(
        [sys.executable, snapshot_takers.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert nursery.stdout.readline() == "ready\n"

    def start(function, directory, *arguments) -> int:
        call = [function.__name__, str(directory), *arguments]
        print(json.dumps(call), file=nursery.stdin, flush=True)
        return int(nursery.stdout.readline())

    with nursery:
        yield start
        nursery.stdin.close()


def await_end(pid):
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "a process does not end"
        time.sleep(0.001)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    await_end(pid)


def bits(folded):
    """All that was folded: the used part of each array, and the live items."""
    parts = {name: array.copy() for name, array in folded.state.store.used().items()}
    parts["header"][HEADER_VERSION] = 0
    return {
        "live": folded.live.pack(),
        "candidates": folded.live.candidates(at_ms=NOW_MS).ids,
        **{name: array.tobytes() for name, array in parts.items()},
    }


def restarted(directory):
    """What a server that starts now folds, and the seq of the snapshot it started from."""
    with Log.open(directory / "log") as log:
        found = load_newest(log, LAYOUT, SETTINGS, directory / "snapshots")
        began = 0 if found is None else found.folded.seq
        begun = None if found is None else found.folded
        return fold_log(log, LAYOUT, SETTINGS, start=begun), began


def replayed(directory):
    with Log.open(directory / "log") as log:
        return fold_log(log, LAYOUT, SETTINGS)


def snapshots_of(directory):
    return sorted(path.name for path in (directory / "snapshots").glob("*"))


def await_draft(directory):
    """Wait until a snapshot is being written, or for a second: it may be too quick to see."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        if any(name.endswith(".draft") for name in snapshots_of(directory)):
            return


def test_kills_while_snapshots_are_taken(tmp_path, start):
    chance = random.Random(17)
    kills = from_snapshot = drafts = 0
    for round_ in range(30):
        taker = start(snapshot_takers.take_for_ever, tmp_path, round_)
        words = tmp_path / f"{round_}.taken"
        end = time.monotonic() + 60
        while not (words.exists() and words.stat().st_size):
            assert time.monotonic() < end, "no snapshot is taken"
            time.sleep(0.001)
        if round_ % 2:
            await_draft(tmp_path)
        else:
            time.sleep(chance.random() * 0.1)
        kill(taker)
        kills += 1
        drafts += any(name.endswith(".draft") for name in snapshots_of(tmp_path))

        folded, began = restarted(tmp_path)
        acknowledged = [line.split() for line in words.read_text().splitlines()]
        assert all(written == "True" for written, _, _ in acknowledged)
        assert began >= int(acknowledged[-1][1]), "one that was taken is there"
        assert bits(folded) == bits(replayed(tmp_path))
        from_snapshot += began > 0
        assert len([name for name in snapshots_of(tmp_path) if not name.endswith(".draft")]) <= 3
    assert folded.state.store.arrays.header[HEADER_LEVEL] > FIRST_LEVEL + 2, "it grew on the way"
    assert kills == from_snapshot == 30
    assert drafts > 0, "some were killed while they wrote"
    with Log.open(tmp_path / "log") as log:
        log.append(some_events(chance, 0), arrived_ms=NOW_MS * 2)
        assert take_snapshot(log, LAYOUT, SETTINGS, tmp_path / "snapshots").written
    assert len(snapshots_of(tmp_path)) == 2, "nothing of the killed ones is left"


def test_a_kill_at_any_step_leaves_a_snapshot_or_none(tmp_path, start):
    prepared = tmp_path / "prepared"
    chance = random.Random(5)
    with Log.open(prepared / "log") as log:
        log.append(some_events(chance, 1), arrived_ms=NOW_MS * 2)
        before = take_snapshot(log, LAYOUT, SETTINGS, prepared / "snapshots").seq
        log.append(some_events(chance, 2), arrived_ms=NOW_MS * 2)
        after = log.last_seq()
    truth = bits(replayed(prepared))
    began_from = []
    step = 1
    while True:
        directory = tmp_path / str(step)
        shutil.copytree(prepared, directory)
        await_end(start(snapshot_takers.die_at_step, directory, step))
        folded, began = restarted(directory)
        assert bits(folded) == truth
        began_from.append(began)
        if (directory / "done").exists():
            break
        shutil.rmtree(directory)
        step += 5
    assert set(began_from) == {before, after}
    assert began_from == sorted(began_from)
    assert len(began_from) > 15


def stale_snapshots(directory, generation):
    """Whole snapshots of an earlier generation of the log."""
    whole = [name for name in snapshots_of(directory) if not name.endswith((".draft", ".gone"))]
    return [name for name in whole if not name.startswith(f"{generation:06d}-")]


@pytest.mark.parametrize("killed", [False, True])
def test_no_snapshot_of_before_an_erasure_outlives_it(tmp_path, start, killed):
    chance = random.Random(3)
    erased = 0
    for round_ in range(12):
        taker = start(snapshot_takers.take_for_ever, tmp_path, round_)
        words = tmp_path / f"{round_}.taken"
        while not (words.exists() and words.stat().st_size):
            time.sleep(0.001)
        time.sleep(chance.random() * 0.05)
        with Log.open(tmp_path / "log") as log:
            erased += log.erase(f"u{round_}", at_ms=0).rows
            if killed:
                kill(taker)
            remove_snapshots(tmp_path / "snapshots")
            generation = log.generation()
        if not killed:
            # whoever was naming one when it was erased looks at the log again, and removes it
            until = time.monotonic() + 20
            while stale_snapshots(tmp_path, generation) and time.monotonic() < until:
                time.sleep(0.01)
            kill(taker)
            assert not stale_snapshots(tmp_path, generation)
        # one killed between naming a snapshot and looking at the log again leaves what is refused
        folded, _ = restarted(tmp_path)
        assert bits(folded) == bits(replayed(tmp_path))
        with Log.open(tmp_path / "log") as log:
            log.append(some_events(chance, 0), arrived_ms=NOW_MS * 2)
            assert take_snapshot(log, LAYOUT, SETTINGS, tmp_path / "snapshots").written
        held = snapshots_of(tmp_path)
        assert held
        assert all(name.startswith(f"{generation:06d}-") for name in held), "of this generation"
    assert erased > 10


def test_a_copy_of_the_log_that_went_another_way_refuses_the_snapshot(tmp_path):
    chance = random.Random(8)
    with Log.open(tmp_path / "one" / "log") as log:
        log.append(some_events(chance, 1), arrived_ms=NOW_MS * 2)
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    for number, name in enumerate(["one", "other"]):
        with Log.open(tmp_path / name / "log") as log:
            events = some_events(random.Random(9), 2 + number)
            log.append(events, arrived_ms=NOW_MS * 2)
            assert take_snapshot(log, LAYOUT, SETTINGS, tmp_path / name / "snapshots").written
    shutil.rmtree(tmp_path / "other" / "snapshots")
    shutil.copytree(tmp_path / "one" / "snapshots", tmp_path / "other" / "snapshots")
    folded, began = restarted(tmp_path / "other")
    assert began == 0
    assert bits(folded) == bits(replayed(tmp_path / "other"))


def test_compaction_moves_the_last_event_and_the_snapshot_still_fits(tmp_path):
    with Log.open(tmp_path / "log") as log:
        log.append(some_events(random.Random(8), 1), arrived_ms=NOW_MS * 2)
        seq = take_snapshot(log, LAYOUT, SETTINGS, tmp_path / "snapshots").seq
        assert log.compact() > 0
    assert restarted(tmp_path)[1] == seq


def test_a_damaged_snapshot_gives_way_to_the_one_before_and_is_replaced(tmp_path, caplog):
    chance = random.Random(8)
    folder = tmp_path / "snapshots"
    seqs = []
    with Log.open(tmp_path / "log") as log:
        for number in range(3):
            log.append(some_events(chance, number), arrived_ms=NOW_MS * 2)
            seqs.append(take_snapshot(log, LAYOUT, SETTINGS, folder).seq)
        newest = folder / snapshots_of(tmp_path)[-1]
        (newest / "state").write_bytes((newest / "state").read_bytes()[:-1])

        folded, began = restarted(tmp_path)
        assert began == seqs[1]
        assert "this snapshot is not used: its state ends too early" in caplog.text
        assert bits(folded) == bits(replayed(tmp_path))

        log.append(some_events(chance, 9), arrived_ms=NOW_MS * 2)
        taken = take_snapshot(log, LAYOUT, SETTINGS, folder)
    assert taken.began == seqs[1]
    assert newest.name not in snapshots_of(tmp_path)
    assert len(snapshots_of(tmp_path)) == 2


def test_nothing_is_written_when_nothing_is_new_or_another_process_is_at_it(tmp_path):
    with Log.open(tmp_path / "log") as log:
        folder = tmp_path / "snapshots"
        assert take_snapshot(log, LAYOUT, SETTINGS, folder).reason == "the log is empty"
        log.append(some_events(random.Random(1), 1), arrived_ms=NOW_MS * 2)
        first = take_snapshot(log, LAYOUT, SETTINGS, folder)
        assert first.written
        assert take_snapshot(log, LAYOUT, SETTINGS, folder).reason.startswith("nothing is new")
        later = msgspec.structs.replace(LAYOUT, history=7)
        assert take_snapshot(log, later, SETTINGS, folder).written, "of another layout"
        log.append(some_events(random.Random(1), 2), arrived_ms=NOW_MS * 2)
        with _locked(folder):
            reason = take_snapshot(log, LAYOUT, SETTINGS, folder).reason
    assert reason == "another process is taking one"
