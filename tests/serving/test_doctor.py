"""The doctor finds what is wrong with a real server and its project, and says what to do."""

import json

import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server

from liverank.bundle import store
from liverank.cli import main
from liverank.cli.commands.doctor.checks.project import (
    LOW_FREE_BYTES,
    MIN_FREE_BYTES,
    check_disk,
)
from liverank.cli.commands.doctor.checks.server import Answers, check_requests


@pytest.fixture
def examined(capsys):
    def examined(*words):
        code = main(["doctor", *map(str, words), "--json"])
        heard = capsys.readouterr()
        told = json.loads(heard.out)
        assert told["ok"] == (code == 0)
        for finding in told["findings"]:
            assert finding["do"], "every finding says what to do"
            assert finding["severity"] in heard.err
        return code, [(one["severity"], one["what"], one["do"]) for one in told["findings"]]

    return examined


def test_a_server_is_examined_while_it_is_well_ill_and_gone(tmp_path, examined):
    root, config = tmp_path / ".liverank", tmp_path / "liverank.toml"
    version = store.add(root, a_bundle(a_spec()))
    store.promote(root, version)
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"), act("join", "u1", "r1"))
        code, found = examined(server.url, "--config", config)
        assert code == 0
        assert [one[0] for one in found] == ["warning"], found
        assert "days ago" in found[0][1]
        assert examined(server.url, "--config", tmp_path / "none.toml") == (0, [])

        server.send(room("r2"), {"event": "item"}, {"event": "?"})
        (root / "bundles/current.json").write_text("{garbage")
        server.wait_for(lambda said: said["bundle"] is not None)
        code, found = examined(server.url, "--config", config)
        assert code == 1
        assert [one[0] for one in found] == sorted(one[0] for one in found), "errors first"
        assert sum("current.json: cannot be read" in one[1] for one in found) >= 2
        assert all("`liverank promote`" in one[2] for one in found if "current.json" in one[1])
        assert any("2 of " in one[1] and "events were refused" in one[1] for one in found)

    code, found = examined(server.url, "--config", config)
    assert code == 1
    assert any("no server answers" in one[1] and "`liverank serve`" in one[2] for one in found)


def test_a_project_without_log_or_server_or_with_a_broken_config_is_told(tmp_path, examined):
    config = tmp_path / "liverank.toml"
    config.write_text(CONFIG + "[serving]\nport = 1\n")
    code, found = examined("--config", config)
    assert code == 1
    whats = " ".join(one[1] for one in found)
    for part in ("there is no log", "no bundle is in service", "no server answers at http://127"):
        assert part in whats
    config.write_text('[label]\nwithin = "1h"\n')
    code, found = examined("--config", config)
    assert code == 1
    assert "liverank.toml" in found[0][1]
    log = tmp_path / ".liverank/log"
    log.mkdir(parents=True)
    (log / "log.sqlite").write_bytes(b"no database, but long enough to be taken for one" * 100)
    config.write_text(CONFIG)
    code, found = examined("--config", config)
    assert any("not a readable log" in one[1] and "backup" in one[2] for one in found)


@pytest.mark.parametrize(
    ("free", "severities"),
    [
        (LOW_FREE_BYTES, []),
        (LOW_FREE_BYTES - 1, ["warning"]),
        (MIN_FREE_BYTES - 1, ["error"]),
    ],
)
def test_a_disk_with_little_room_is_told_before_it_is_full(tmp_path, free, severities):
    assert [one.severity for one in check_disk(tmp_path, free_bytes=free)] == severities


def test_rankings_that_were_refused_late_lost_or_failed_are_told_by_their_number():
    metrics = {
        ("liverank_requests_total", ("rank", "200")): 900.0,
        ("liverank_requests_total", ("rank", "503")): 100.0,
        ("liverank_requests_total", ("events", "500")): 3.0,
        ("liverank_requests_shed_total", ()): 100.0,
        ("liverank_requests_late_total", ()): 9.0,
        ("liverank_rankings_lost_total", ()): 7.0,
    }
    told = [one.what for one in check_requests(Answers({}, {}, metrics))]
    assert [what.split()[0] for what in told] == ["100", "7", "3"], "9 of 1,000 are few"
    metrics["liverank_requests_late_total", ()] = 11.0
    assert "11 of 1,000" in [one.what for one in check_requests(Answers({}, {}, metrics))][1]
