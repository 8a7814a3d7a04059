"""A server in simulated time: real processes whose clock is moved by what they are sent."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rank_servers import CONFIG, RunningServer, a_bundle, a_spec, running_server

from liverank.bundle import store
from liverank.cli import main
from liverank.cli.commands.doctor.checks.server import ask, check_health
from liverank.events.log import Log

NOON = 1_600_000_000_000
MINUTE = 60_000
EXPERIMENT = """
[interactions]
join = "enters"

[experiments.tab.variants]
control = { rank = "popular", share = 0.5 }
random = { rank = "random", share = 0.5 }
"""
SIMULATED = ("--simulated", "--workers", "1")


def room(at_ms, item, state="started"):
    return {"event": "item", "time": at_ms, "item": item, "state": state, "fields": {"host": "h1"}}


def join(at_ms, user, item):
    return {"event": "interaction", "time": at_ms, "type": "join", "user": user, "item": item}


def rankings_of(folder):
    """The rankings of a project's log: time, arrival, id and items, in the order of the log."""
    with Log.open(folder / ".liverank" / "log") as log:
        frames = [frame for frame in log.read() if frame.height]
    return [
        row
        for frame in frames
        for row in frame.select("event", "time", "arrived", "id", "items").iter_rows()
        if row[0] == "ranking"
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    with running_server(folder, *SIMULATED, config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def began(server: RunningServer) -> RunningServer:
    """The server after two rooms have started at noon."""
    assert server.send(room(NOON, "a"), room(NOON, "b")).status_code == 202
    return server


def test_it_says_loudly_that_its_time_is_simulated(began) -> None:
    health = began.client.get("/healthz")
    assert health.headers["liverank-simulated"] == "true"
    assert (health.json()["ok"], health.json()["simulated"]) == (True, True)
    assert "liverank_simulated 1.0" in began.client.get("/metrics").text
    assert "SIMULATED TIME" in began.said()
    found = [finding.what for finding in check_health(ask(began.url))]
    assert found == ["the server's time is simulated: only events move its clock"]


def test_a_ranking_right_after_events_knows_them_every_time(began) -> None:
    for number in range(40):
        at_ms = NOON + number
        first, second = ("a", "b") if number % 2 else ("b", "a")
        joins = [join(at_ms, f"u{number}-{one}", first) for one in range(number + 2)]
        began.send(*joins)
        assert began.ranked_ids(user="u1")[:2] == [first, second]


def test_the_time_of_rankings_is_that_of_the_newest_event_or_what_they_name(folder, began) -> None:
    began.send(join(NOON + 2 * MINUTE, "u8", "a"), join(NOON + MINUTE, "u9", "b"))
    began.rank(user="u1", id="by-event")
    asked = began.client.post(
        f"/v1/rank?at={NOON + 5 * MINUTE}", json={"user": "u1", "id": "by-at"}
    )
    assert asked.status_code == 200
    began.rank(user="u1", id="after-at")
    began.send(room(NOON + 6 * MINUTE, "c"))  # what was answered is in the log now
    times = {row[3]: row[1:3] for row in rankings_of(folder)}
    assert times["by-event"] == (NOON + 2 * MINUTE, NOON + 2 * MINUTE)
    assert times["by-at"] == times["after-at"] == (NOON + 5 * MINUTE, NOON + 5 * MINUTE)


def test_rankings_stand_in_the_log_in_their_order_before_the_next_events(folder, began) -> None:
    began.send(room(NOON + 7 * MINUTE, "d"))
    for number in range(30):
        began.rank(user=f"u{number}", id=f"in-order-{number}")
    before = [row[3] for row in rankings_of(folder)]
    began.send(room(NOON + 8 * MINUTE, "e"))
    after = [row[3] for row in rankings_of(folder)]
    assert "in-order-0" not in before, "rankings must not be written by wall time"
    assert after[-30:] == [f"in-order-{number}" for number in range(30)]


@pytest.mark.parametrize("query", [f"at={NOON - 1}", "at=now", "at=", "time=7"])
@pytest.mark.parametrize("route", ["rank", "events"])
def test_a_time_that_is_no_time_or_is_over_is_refused(began, query, route) -> None:
    answer = began.client.post(f"/v1/{route}?{query}", json={"user": "u1"})
    assert answer.status_code == 422
    assert answer.json()["error"]["where"] == "?at"
    assert "never goes back" in answer.json()["error"]["what"]


def test_events_may_name_a_later_time_too_and_none_make_a_turn_of_their_own(folder, began) -> None:
    at_ms = NOON + 20 * MINUTE
    lines = json.dumps(join(at_ms - 5, "u1", "a"))
    assert began.client.post(f"/v1/events?at={at_ms}", content=lines).json()["accepted"] == 1
    began.rank(user="u1", id="after-both")
    nothing = began.client.post("/v1/events", content=b"")
    assert (nothing.status_code, nothing.json()["accepted"]) == (202, 0)
    assert rankings_of(folder)[-1][1:4] == (at_ms, at_ms, "after-both")


def test_no_deadline_is_kept(began) -> None:
    answer = began.rank(user="u1", deadline_ms=1e-6)
    assert "deadline" not in answer["fallback_reason"]


def test_a_bundle_and_an_experiment_are_followed_by_the_next_events(tmp_path: Path) -> None:
    """Without any wait: what was promoted or started before the events ranks after them."""
    project = tmp_path / "project"
    with running_server(project, *SIMULATED, config=CONFIG + EXPERIMENT) as server:
        server.send(room(NOON, "a"), room(NOON, "b"), join(NOON, "u1", "a"))
        before = server.rank(user="u1", surface="default")
        assert (before["model"], before["variant"]) == (None, None)
        root = project / ".liverank"
        version = store.add(root, a_bundle(a_spec()))
        store.promote(root, version)
        server.send(join(NOON + MINUTE, "u2", "a"))
        assert server.rank(user="u1")["model"] == version
        config, at = str(project / "liverank.toml"), str(NOON + 2 * MINUTE)
        assert main(["experiment", "start", "tab", "--at", at, "--config", config]) == 0
        server.send(join(NOON + 2 * MINUTE, "u3", "a"))
        variants = {server.rank(user=f"u{number}")["variant"] for number in range(30)}
        assert variants == {"tab:control", "tab:random"}


def test_events_are_answered_though_the_folding_process_was_killed(began) -> None:
    os.kill(began.pids()["fold"], signal.SIGKILL)
    at_ms = NOON + 25 * MINUTE
    began.send(*(join(at_ms, f"late{number}", "b") for number in range(200)))
    assert began.ranked_ids(user="u1")[0] == "b"


def test_time_goes_on_from_the_newest_event_of_the_log(folder, began) -> None:
    newest = NOON + 30 * MINUTE
    began.send(room(newest, "f"))
    began.terminate()
    with running_server(folder, *SIMULATED, config=CONFIG) as again:
        again.rank(user="u1", id="again")
        again.send(room(newest + 1, "g"))
    assert rankings_of(folder)[-1][1:4] == (newest, newest, "again")


def test_more_than_one_worker_is_refused(tmp_path: Path) -> None:
    (tmp_path / "liverank.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "liverank", "serve", "--simulated", "--workers", "2"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "--workers is 2; with --simulated there is one worker" in ran.stderr
