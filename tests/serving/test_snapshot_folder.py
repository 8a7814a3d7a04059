"""A folder of snapshots that cannot be used: who serves folds the log, who takes one is told."""

from pathlib import Path

import pytest
from snapshot_takers import LAYOUT, NOW_MS, SETTINGS

from liverank.errors import StateError
from liverank.events.event import Interaction
from liverank.events.log import Log
from liverank.serving.state.snapshots import load_newest, newest_seq, take_snapshot


@pytest.fixture
def log(tmp_path):
    with Log.open(tmp_path / "log") as log:
        log.append([Interaction(time=0, type="join", user="u1", item="r1")], arrived_ms=NOW_MS)
        yield log


@pytest.fixture
def closed_folder(tmp_path, monkeypatch):
    """A folder that another user made for themselves; whoever runs the tests may be root."""
    folder = tmp_path / "snapshots"
    folder.mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    return folder


def test_a_folder_that_cannot_be_listed_has_nothing_to_start_from(log, closed_folder, caplog):
    assert load_newest(log, LAYOUT, SETTINGS, closed_folder) is None
    assert newest_seq(closed_folder) is None
    assert f"{closed_folder}: the snapshots cannot be listed" in caplog.text


def test_no_snapshot_is_taken_into_a_folder_that_cannot_be_listed(log, closed_folder):
    with pytest.raises(StateError, match=r"snapshots cannot be listed.*Permission denied.*check"):
        take_snapshot(log, LAYOUT, SETTINGS, closed_folder)


def test_no_snapshot_is_taken_where_the_lock_cannot_be_opened(log, tmp_path):
    (tmp_path / "snapshots.lock").mkdir()
    with pytest.raises(StateError, match=r"snapshots\.lock: the lock .* check that it is a file"):
        take_snapshot(log, LAYOUT, SETTINGS, tmp_path / "snapshots")
