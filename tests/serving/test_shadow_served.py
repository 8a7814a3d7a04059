"""A real server with a challenger in shadow: it serves nothing else, and reports into the log."""

import time

from rank_clients import clients
from rank_servers import CONFIG, room, running_server
from test_processes_swapped import ROOMS, a_request, rankings_of
from trial_steps import (
    append,
    champion_and_challenger,
    details,
    shadow,
    until_release_is,
)

from liverank.serving.reports import ShadowReport

SIMULATED = ("--simulated", "--workers", "1")
NOON, MINUTE = 1_600_000_000_000, 60_000


def until_reported(directory, enough, seconds=20):
    until = time.monotonic() + seconds
    while not enough(details(directory, "shadowed", ShadowReport)):
        assert time.monotonic() < until
        time.sleep(0.1)
    return details(directory, "shadowed", ShadowReport)


def test_a_challenger_in_shadow_serves_nothing_and_each_worker_reports_on_it(tmp_path):
    one, other = champion_and_challenger(tmp_path)
    append(tmp_path, shadow(other, champion=one))
    with running_server(tmp_path) as server:
        until_release_is(server, "shadow")
        server.send_and_fold(*map(room, ROOMS))
        with clients(server.url, a_request, count=6) as asking:
            reports = until_reported(tmp_path, lambda reports: len(reports) >= 2)
        shadowed = server.text("/metrics").decode()
        assert f'liverank_release_share{{stage="shadow",version="{other}"}} 0.0' in shadowed
        assert "liverank_shadow_failures_total 0.0" in shadowed
        assert "liverank_shadowed_total 0.0" not in shadowed
        assert server.health()["ok"]
    assert {asked.status for asked in asking.asked} == {200}
    assert {asked.answer["model"] for asked in asking.answered} == {one}
    for report in reports:
        assert (report.champion, report.failures, report.trouble) == (one, 0, None)
        assert report.requests > 0
        assert 12 <= report.candidates / report.requests <= len(ROOMS) + 1
        assert 0 < report.challenger_us < 1e6
        assert 0 <= report.overlap_at_10 <= 1
        assert report.mean_score != report.mean_champion_score


def test_a_challenger_that_does_not_load_is_reported_as_failing(tmp_path):
    champion_and_challenger(tmp_path)
    append(tmp_path, shadow("0" * 16))
    with running_server(tmp_path) as server:
        until_release_is(server, "shadow")
        server.send_and_fold(*map(room, ROOMS))
        with clients(server.url, a_request, count=2) as asking:
            reports = until_reported(tmp_path, bool)
    assert {asked.status for asked in asking.asked} == {200}
    for report in reports:
        assert (report.requests, report.overlap_at_10) == (0, None)
        assert report.failures > 0
        assert "no bundle `0000000000000000`" in report.trouble


def simulate(directory):
    """An hour of requests in simulated time; the reports, and what was served."""
    one, other = champion_and_challenger(directory)
    with running_server(directory, *SIMULATED, config=CONFIG) as server:
        server.send(*({**room(name), "time": NOON} for name in ROOMS))
        append(directory, shadow(other, champion=one, at_ms=NOON))
        for minute in range(12):
            at_ms = NOON + minute * MINUTE
            answered = server.client.post(
                f"/v1/events?at={at_ms}", json=[{**room("r1"), "time": at_ms}]
            )
            assert answered.status_code == 202
            for number in range(10):
                server.rank(user=f"u{number}", id=f"q{minute}-{number}")
        server.terminate()
    reports = details(directory, "shadowed", ShadowReport)
    return reports, {name: one.items for name, one in rankings_of(directory).items()}


def test_in_simulated_time_the_same_requests_give_the_same_reports(tmp_path):
    first, served = simulate(tmp_path / "first")
    second, served_again = simulate(tmp_path / "second")
    assert (first, served) == (second, served_again)
    assert 3 < len(first) <= 12
    assert 20 < sum(report.requests for report in first) < 50
