"""``liverank erase`` on a log of a few events."""

import io
import json
import sys
from pathlib import Path

import pytest

from liverank.cli import main
from liverank.events.event import Item, User
from liverank.events.log import Log
from liverank.events.wire import encode_event

pytestmark = pytest.mark.usefixtures("any_time")


@pytest.fixture
def config(tmp_path) -> Path:
    """A config beside a log that knows ana and bob, and two snapshots."""
    with Log.open(tmp_path / "data" / "log") as log:
        log.append([User(time=0, user="ana"), User(time=1, user="bob")], arrived_ms=1)
        log.compact()
        log.append([Item(time=2, item="r1", fields={"host": "ana"})], arrived_ms=1)
    snapshots = tmp_path / "data" / "snapshots"
    (snapshots / "1").mkdir(parents=True)
    (snapshots / "1" / "state").write_text("ana")
    (snapshots / "2").write_text("ana")
    file = tmp_path / "liverank.toml"
    file.write_text('path = "data"\n[label]\ninteraction = "join"\n')
    return file


def test_the_same_file_does_not_bring_them_back_until_they_are_allowed(config, capsys):
    events = config.parent / "events.jsonl"
    events.write_bytes(b"\n".join(encode_event(User(time=5, user=u)) for u in ("ana", "bob")))

    def ingest(*words: str) -> tuple[dict, str]:
        assert main(["ingest", str(events), "--config", str(config), "--json", *words]) == 0
        heard = capsys.readouterr()
        return json.loads(heard.out.splitlines()[-1]), heard.err

    assert ingest()[0]["accepted"] == 2
    main(["erase", "ana", "--config", str(config), "--yes"])
    capsys.readouterr()
    told, said = ingest()
    assert (told["ok"], told["accepted"], told["duplicates"], told["suppressed"]) == (True, 0, 1, 1)
    assert "1 were refused: they belong to erased users" in said
    told, said = ingest("--allow-erased", "ana", "--allow-erased", "anna")
    assert (told["accepted"], told["suppressed"], told["allowed"]) == (1, 0, ["ana"])
    assert "The user 'ana' is accepted again" in said
    assert "The user 'anna' was not erased from this log" in said


class Terminal(io.StringIO):
    """A person at a keyboard."""

    def isatty(self):
        return True


def rows_in(config: Path) -> int:
    with Log.open(config.parent / "data" / "log") as log:
        return log.stats().rows


def test_it_erases_from_the_log_and_removes_snapshots(config, capsys):
    assert main(["erase", "ana", "--config", str(config), "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "user": "ana",
        "rows": 1,
        "scrubbed": 1,
        "segments_rewritten": 1,
        "snapshots_removed": 2,
    }
    files = [file for file in (config.parent / "data").rglob("*") if file.is_file()]
    assert not any(b"ana" in file.read_bytes() for file in files)
    assert main(["erase", "ana", "--config", str(config), "--yes"]) == 0
    assert "Erased 0 events" in capsys.readouterr().out


def test_it_says_what_it_will_do_and_asks(config, capsys, monkeypatch):
    for answer, code, rows in [("\n", 1, 3), ("no\n", 1, 3), ("", 1, 3), ("y\n", 0, 2)]:
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert main(["erase", "ana", "--config", str(config)]) == code
        told = capsys.readouterr().out
        assert "This erases the user 'ana' for good" in told
        assert "Backups" in told
        assert ("Nothing was erased" in told) == (code == 1)
        assert rows_in(config) == rows


def test_without_a_terminal_to_ask_on_it_wants_yes(config, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["erase", "ana", "--config", str(config), "--json"]) == 1
    heard = capsys.readouterr()
    assert json.loads(heard.out)["ok"] is False
    assert "there is no terminal to ask on; add --yes" in heard.err
    assert rows_in(config) == 3


def test_where_there_is_no_log_it_makes_none(tmp_path, capsys):
    file = tmp_path / "liverank.toml"
    file.write_text('[label]\ninteraction = "join"\n')
    assert main(["erase", "ana", "--config", str(file), "--yes"]) == 1
    assert "there is no log here to erase from" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("user", ["", "\udcff"])
def test_what_is_no_id_is_refused(config, capsys, user):
    assert main(["erase", user, "--config", str(config), "--yes"]) == 1
    assert "a user to erase is" in capsys.readouterr().err
