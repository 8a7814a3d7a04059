"""A server reports on itself into the log; the reports add up, whichever workers die."""

import os
import signal
from itertools import pairwise

import numpy as np
import pytest
from rank_servers import CONFIG, act, room, running_server
from test_processes_swapped import ROOMS
from trial_steps import champion_and_challenger, details

from liverank.serving.processes.board import BUCKETS_MS, LEVELS, Board
from liverank.serving.releases.machine import disk_free, memory_free, memory_of
from liverank.serving.releases.reporter import counts_of, quantile_ms
from liverank.serving.reports import ServerReport

SIMULATED = ("--simulated", "--workers", "1")
NOON, HOUR = 1_600_000_000_000, 3_600_000
WITH_AUTOPILOT = CONFIG + "\n[autopilot]\n"


def events_at(server, at_ms, *events):
    answered = server.client.post(
        f"/v1/events?at={at_ms}", json=[{**event, "time": at_ms} for event in events]
    )
    assert answered.status_code == 202
    return answered.json()


@pytest.mark.parametrize("kills", [False, True])
def test_the_reports_add_up_to_what_was_answered(tmp_path, kills):
    one, _ = champion_and_challenger(tmp_path)
    with running_server(tmp_path, *SIMULATED, config=WITH_AUTOPILOT) as server:
        events_at(server, NOON, *map(room, ROOMS))
        for hour in range(1, 6):
            for number in range(7):
                server.rank(user=f"u{number}")
            if kills and hour in (2, 4):
                os.kill(server.pids()["worker-0"], signal.SIGKILL)
                server.wait_for(lambda health: not health["ok"] or health["pids"])
                server.reconnect()
                server.wait_for(lambda health: health["ok"] and len(health["pids"]) == 2)
            events_at(server, NOON + hour * HOUR, act("join", "u1", "r1"), {"event": "nonsense"})
        server.rank(user="u9")
        server.terminate()
    reports = details(tmp_path, "reported", ServerReport)
    assert len(reports) >= 4
    assert sum(report.rankings["model"] for report in reports) == 7 * 5 + 1
    assert sum(sum(report.rankings.values()) for report in reports) == 7 * 5 + 1
    assert sum(report.events_accepted for report in reports) == len(ROOMS) + 5
    assert sum(report.events_rejected for report in reports) == 5
    assert "nonsense" in (reports[-1].last_rejected or "")
    assert all(a.to_ms == b.from_ms for a, b in pairwise(reports))
    assert {report.p99_ms for report in reports} == {None}, "simulated time measures nothing"
    assert one


def test_without_autopilot_a_server_reports_nothing(tmp_path):
    with running_server(tmp_path, *SIMULATED) as server:
        events_at(server, NOON, *map(room, ROOMS))
        events_at(server, NOON + 3 * HOUR, room("r1"))
        server.rank(user="u1")
        server.terminate()
    assert details(tmp_path, "reported", ServerReport) == []


def test_a_real_server_reports_latency_memory_and_disk_when_it_stops(tmp_path):
    with running_server(tmp_path, config=WITH_AUTOPILOT) as server:
        server.send_and_fold(*map(room, ROOMS))
        for number in range(30):
            server.rank(user=f"u{number}")
        server.terminate()
    [report] = details(tmp_path, "reported", ServerReport)
    assert sum(report.rankings.values()) == 30
    assert report.p50_ms is not None
    assert report.p50_ms <= (report.p99_ms or 1e9)
    assert report.log_bytes > 1000
    assert report.disk_free_bytes > 0
    assert 10e6 < report.memory_bytes < 20e9
    assert report.memory_free_bytes > 0
    assert 0 <= report.lag_s < 60


def test_a_report_that_was_prepared_before_a_kill_is_made_again_under_the_same_id():
    board = Board(2)
    board.count_latency(0, "default", None, 0.001)
    board.reported.begin(1)
    board.reported.prepare(counts_of(board), 5)
    prepared = (board.reported.id, board.reported.difference().tolist())
    board.count_latency(1, "default", "popular", 0.001)  # after the first worker was killed
    assert (board.reported.id, board.reported.difference().tolist()) == prepared
    board.reported.confirm()
    board.reported.confirm()  # by two workers
    assert (board.reported.from_ms, board.reported.to_ms) == (5, None)
    board.reported.prepare(counts_of(board), 9)
    levels = board.reported.difference()[: len(LEVELS) * (len(BUCKETS_MS) + 1)]
    by_level = levels.reshape(len(LEVELS), -1).sum(axis=1).tolist()
    assert dict(zip(LEVELS, by_level, strict=True))["popular"] == 1
    assert sum(by_level) == 1
    assert board.reported.id != prepared[0]


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_a_quantile_is_the_least_bound_that_holds_for_that_share(q):
    random = np.random.default_rng(5)
    for _ in range(50):
        counts = random.integers(0, 20, len(BUCKETS_MS) + 1)
        times = np.repeat([*BUCKETS_MS, np.inf], counts)
        within = [bound for bound in BUCKETS_MS if np.mean(times <= bound) >= q]
        assert quantile_ms(counts, q) == (within[0] if within else None)
    assert quantile_ms(np.zeros(len(BUCKETS_MS) + 1, np.int64), q) is None


def test_memory_and_disk_are_of_this_machine(tmp_path):
    own = memory_of([os.getpid()])
    assert own > 10_000_000
    assert memory_of([os.getpid(), os.getpid()]) > 1.5 * own
    assert memory_of([2**22 + 1]) is None, "there is no such process"
    assert memory_free() > 0
    assert disk_free(tmp_path) > 0
    assert disk_free(tmp_path / "gone") is None
