"""What is acknowledged has reached the disk, not only the memory of the system."""

import os
import signal
import sqlite3
from pathlib import Path

import pytest
from test_log import click, read

from liverank import durable
from liverank.errors import LogError
from liverank.events.event import ServedRanking
from liverank.events.frame import frame_of
from liverank.events.log import Log

NORMAL = 1
"""Of commits that do not, in WAL mode."""
FULL = 2
"""What SQLite calls a commit that waits for the disk, in WAL mode too (its PRAGMA synchronous)."""


@pytest.fixture
def connections(monkeypatch):
    """All connections that are opened from now on."""
    opened = []
    connect = sqlite3.connect

    def remembered(*arguments, **options):
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    return opened


def test_a_commit_waits_until_it_is_on_disk(tmp_path, connections):
    for _ in range(2):  # a new log, and one that is there already
        connections.clear()
        with Log.open(tmp_path) as log:
            log.append([click(None)], arrived_ms=1)
            log.append_served(
                [ServedRanking(time=1, id="q", user="u1", items=["r1"])], arrived_ms=1
            )
            waits = [one.execute("PRAGMA synchronous").fetchone()[0] for one in connections]
            modes = {one.execute("PRAGMA journal_mode").fetchone()[0] for one in connections}
            assert waits
            assert set(waits) == {FULL}
            assert modes == {"wal"}


def test_without_syncs_a_process_that_is_killed_loses_nothing(tmp_path, connections):
    pid = os.fork()
    if pid == 0:
        log = Log.open(tmp_path, syncs=False)
        log.append([click(None)], arrived_ms=1)
        log.append_served([ServedRanking(time=1, id="q", user="u1", items=["r1"])], arrived_ms=1)
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with Log.open(tmp_path, syncs=False) as log:
        assert log.last_seq() == 2
        assert sum(frame.height for frame in log.read()) == 2
        waits = {one.execute("PRAGMA synchronous").fetchone()[0] for one in connections}
        assert waits == {FULL, NORMAL}, "appends do not wait, whoever reads is as ever"


def test_an_import_is_named_only_once_its_files_and_their_names_are_on_disk(tmp_path, monkeypatch):
    done = []
    """What was waited for, and what SQLite was told, in their order."""
    fsync = os.fsync

    def remembered(descriptor):
        fsync(descriptor)
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    with Log.open(tmp_path) as log:
        monkeypatch.setattr(durable.os, "fsync", remembered)
        log._database._writer.set_trace_callback(done.append)
        log.import_frame(frame_of([click("a"), click("b")]), arrived_ms=1)
        log._database._writer.set_trace_callback(None)
        monkeypatch.undo()

    folder = tmp_path / "segments"
    files = [path for path in folder.iterdir() if path.suffix in (".parquet", ".ids")]
    assert len(files) == 2
    [named] = [place for place, what in enumerate(done) if what.startswith("INSERT INTO segments")]
    for file in files:
        [written] = [place for place, what in enumerate(done) if what.startswith(f"{file}.")]
        assert str(folder) in done[written:named], "its name was not waited for"


def test_a_batch_of_which_one_event_cannot_be_written_is_not_kept_at_all(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([click("a")], arrived_ms=1)
        with sqlite3.connect(tmp_path / "log.sqlite") as other:
            other.execute(
                "CREATE TRIGGER fails BEFORE INSERT ON tail WHEN NEW.seq = 4"
                " BEGIN SELECT RAISE(FAIL, 'no luck'); END"
            )
        with pytest.raises(LogError, match="no luck"):
            log.append([click("b"), click("c"), click("d"), click("e")], arrived_ms=2)
        with sqlite3.connect(tmp_path / "log.sqlite") as other:
            other.execute("DROP TRIGGER fails")
        other.close()
        assert [event.id for _, event in read(log)] == ["a"]
        assert log.append([click("d")], arrived_ms=3).seqs == [2]
