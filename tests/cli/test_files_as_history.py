"""``--events``: files become the history that ``liverank ingest`` would make of them."""

import argparse
import fcntl
import io
from pathlib import Path

import pytest
from rich.console import Console

from liverank.cli.project.event_input import open_history
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import User
from liverank.events.wire import encode_event

pytestmark = pytest.mark.usefixtures("any_time")

CONFIG = parse_config('[label]\ninteraction = "join"\n')


def opened(folder: Path, heard: io.StringIO | None = None):
    arguments = argparse.Namespace(
        events=[folder / "events.jsonl"], config=folder / "liverank.toml"
    )
    return open_history(arguments, CONFIG, Console(file=heard or io.StringIO(), width=200))


def write(folder: Path, *times: int, more: bytes = b"") -> None:
    events = [User(time=time, user="u1", id=f"{time}") for time in times]
    (folder / "events.jsonl").write_bytes(b"".join(encode_event(e) + b"\n" for e in events) + more)


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / ".liverank").iterdir())


def test_files_are_read_in_order_as_often_as_asked_and_nothing_is_left(tmp_path):
    write(tmp_path, 3, 1, 2, 1)
    with opened(tmp_path) as frames:
        for _ in range(2):
            rows = [
                row for frame in frames() for row in frame.select("seq", "time", "arrived").rows()
            ]
            assert [row[:2] for row in rows] == [(1, 1), (2, 2), (3, 3)]
            assert all(row[2] is not None for row in rows), (
                "an import arrives, and clocks are held to it"
            )
        assert len(left_in(tmp_path)) == 2
    assert left_in(tmp_path) == ["history.lock"]


def test_a_log_that_a_killed_run_left_is_removed_and_one_in_use_is_not(tmp_path):
    write(tmp_path, 1)
    for name in ("history-stale", "history-in-use"):
        (tmp_path / ".liverank" / name / "log").mkdir(parents=True)
    with (tmp_path / ".liverank/history-in-use/in_use.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with opened(tmp_path):
            pass
        assert left_in(tmp_path) == ["history-in-use", "history.lock"]


def test_rejected_rows_are_told_and_no_events_are_an_error_that_leaves_nothing(tmp_path):
    heard = io.StringIO()
    write(tmp_path, 1, more=b"{}\n{}\n")
    with opened(tmp_path, heard):
        assert "2 rows were rejected, the first at" in heard.getvalue()
        assert "events.jsonl:2" in heard.getvalue()
    write(tmp_path)
    with pytest.raises(DatasetError, match="no events in"), opened(tmp_path):
        pass
    assert left_in(tmp_path) == ["history.lock"]
