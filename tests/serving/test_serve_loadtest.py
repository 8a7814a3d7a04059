"""``liverank loadtest`` against a real rank server, as a person runs it."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from threading import Thread

import pytest
from rank_servers import a_bundle, a_spec, room, running_server

from liverank.bundle import store
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("loaded")) as running:
        running.send_and_fold(*(room(f"room{number}", host=f"h{number}") for number in range(40)))
        yield running


def loadtest(server, *words):
    done = subprocess.run(
        [sys.executable, "-m", "liverank", "loadtest", server.url, "--json", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else None, done.stderr


def seq(server):
    return server.client.get("/readyz").json()["seq"]


def wait_for_load(server):
    before, until = seq(server), time.monotonic() + 40
    while seq(server) < before + 100:
        assert time.monotonic() < until
        time.sleep(0.1)


def kill_under_load(server):
    wait_for_load(server)
    server.kill()


def logged(server, directory):
    server.terminate()
    with Log.open(directory / ".liverank" / "log") as log:
        return [event for frame in log.read() for event in events_of(frame)]


def test_all_that_is_told_was_done_as_the_log_of_the_server_shows(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(*(room(f"room{number}") for number in range(40)))
        code, report, _ = loadtest(
            server, "--rate", "60", "--duration", "3s", "--events-rate", "100", "--limit", "7",
            "--candidates", "11", "--events-batch", "5", "--event-types", "impression,leave",
        )  # fmt: skip
        events = logged(server, tmp_path)

    assert code == 0, report
    rank, lag = report["rank"], report["fold_lag_ms"]
    assert rank["sent"] == rank["answered"] > 100
    assert (rank["errors"], rank["statuses"]) == ({}, {"200": rank["sent"]})
    rankings = [e for e in events if isinstance(e, Ranking)]
    loaded = [ranking for ranking in rankings if ranking.user.startswith("loadtest-user-")]
    assert len(loaded) == rank["answered"]
    assert {len(ranking.items) for ranking in loaded} == {7}
    asked = {item for ranking in loaded for item in ranking.candidates or ()}
    assert not any(item.startswith("loadtest-") for item in asked)
    assert {f"room{number}" for number in range(40)} <= asked

    interactions = [event for event in events if isinstance(event, Interaction)]
    assert len(interactions) == 5 * report["events"]["answered"]
    assert {event.type for event in interactions} == {"impression", "leave"}

    states = Counter(
        event.state
        for event in events
        if isinstance(event, Item) and event.item.startswith("loadtest-probe-")
    )
    assert states["started"] == states["ended"] == lag["probes"] + 2 >= 3
    assert lag["unseen"] == 0
    assert 0 < lag["p50"] <= lag["p99"] <= lag["max"] < 5000


def test_objectives_decide_the_exit_code_and_popularity_is_told_as_a_fallback(server):
    words = ("--rate", "50", "--duration", "1s", "--objective", "errors=0")
    code, report, _ = loadtest(server, *words, "--objective", "p99<30s")
    assert (code, report["ok"]) == (0, True)
    assert [one["met"] for one in report["objectives"]] == [True, True]
    assert sum(report["rank"]["fallbacks"].values()) == report["rank"]["answered"]

    code, report, said = loadtest(server, *words, "--objective", "fallbacks=0")
    assert (code, report["ok"]) == (1, False)
    assert "not met: fallbacks=0" in said


def test_a_bundle_is_no_fallback_and_its_answers_are_right(tmp_path):
    root = tmp_path / ".liverank"
    store.promote(root, store.add(root, a_bundle(a_spec())))
    with running_server(tmp_path) as server:
        server.send_and_fold(*(room(f"room{number}") for number in range(40)))
        words = ("--rate", "50", "--duration", "1s", "--check-every", "1")
        code, report, _ = loadtest(server, *words, "--objective", "fallbacks=0")
        assert code == 0, report
        assert report["rank"]["checked"] == report["rank"]["answered"] > 20
        code, report, _ = loadtest(server, *words, "--no-items", "--limit", "9")
        assert (code, report["candidates"]) == (0, None)


def test_as_many_as_the_server_can_is_more_than_a_few(server):
    code, report, _ = loadtest(server, "--rate", "max", "--duration", "1s", "--connections", "4")
    assert code == 0
    assert report["rank"]["connections"] == 4
    assert report["rank"]["per_second"] > 50
    assert report["generator"]["late_ms"] is None


def test_a_server_that_dies_under_load_is_reported_and_not_an_error_of_the_test(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(*(room(f"room{number}") for number in range(5)))
        Thread(target=kill_under_load, args=(server,)).start()
        words = ("--duration", "8s", "--events-rate", "50", "--objective", "errors=0")
        code, report, said = loadtest(server, *words, "--timeout", "2s")
    rank = report["rank"]
    assert code == 1
    assert "not met: errors=0" in said
    assert rank["answered"] > 10
    assert rank["errors"]["connection refused"] > 50
    assert sum(rank["errors"].values()) + rank["answered"] == rank["sent"]
    assert any("Probe items could not be ended" in note for note in report["notes"])


def test_users_and_a_body_may_come_from_files(server, tmp_path):
    (tmp_path / "users").write_text("ann\n\nbob\n")
    (tmp_path / "body").write_text('{"user":"ann","items":["room1"],"limit":0}\n')
    words = ("--rate", "50", "--duration", "1s")
    code, report, _ = loadtest(server, *words, "--users", str(tmp_path / "users"))
    assert (code, report["rank"]["errors"]) == (0, {})
    code, report, said = loadtest(server, *words, "--body", str(tmp_path / "body"))
    assert code == 1
    assert report["rank"]["errors"] == {"status 422": report["rank"]["sent"]}
    assert "no request was answered" in said


def test_ctrl_c_reports_what_was_measured(server):
    process = subprocess.Popen(
        [sys.executable, "-m", "liverank", "loadtest", server.url, "--json", "--duration", "50s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_load(server)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    report = json.loads(out.splitlines()[-1])
    assert (process.returncode, report["stopped"]) == (0, True)
    assert report["rank"]["answered"] == report["rank"]["sent"] > 20
    assert report["seconds"] < 50
