"""Any process of a server may be killed: others take its place, and rankings go on."""

import os
import random
import re
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from rank_clients import clients, has_answer, is_alive, ports_of
from rank_servers import CONFIG, act, room, running_server
from test_serve import logged_rankings

ROOMS = [f"r{number}" for number in range(20)]


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path) as running:
        running.send_and_fold(*map(room, ROOMS))
        yield running


def a_request():
    return {"user": f"u{random.randrange(50)}", "items": ROOMS}


def port_of(server):
    return urlsplit(server.url).port


@pytest.mark.alone
def test_a_worker_that_is_killed_is_replaced_and_other_connections_do_not_notice(server):
    with clients(server.url, a_request, count=12) as asking:
        asking.wait_for_more(50)
        before = server.pids()
        killed = before["worker-0"]
        os.kill(killed, signal.SIGSTOP)  # it accepts no other connection while they are counted
        its_ports = ports_of(killed, port_of(server))
        os.kill(killed, signal.SIGKILL)
        took_s = server.wait_for(lambda said: said["pids"].get("worker-0", killed) != killed)
        asking.wait_for_more(200)
        after = server.pids()
    assert its_ports, "some of the connections were the killed one's"
    assert {one.port for one in asking.answered} - its_ports
    assert took_s < 1
    assert {name for name in before if after[name] != before[name]} == {"worker-0"}
    assert {one.port for one in asking.broken} <= its_ports
    assert {one.status for one in asking.asked} <= {200, None}
    server.wait_for(lambda said: said["ok"], seconds=2)
    assert "worker 0 ended (signal 9); starting another" in server.said()


def test_connections_that_wait_for_a_worker_that_is_killed_are_answered_by_its_successor(server):
    killed = server.pids()["worker-0"]
    server.client.close()
    os.kill(killed, signal.SIGSTOP)
    asked = [socket.create_connection(("127.0.0.1", port_of(server))) for _ in range(16)]
    for one in asked:
        one.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    waiting = [one for one in asked if not has_answer(one)]
    assert 0 < len(waiting) < 16
    os.kill(killed, signal.SIGKILL)
    for one in asked:
        one.settimeout(10)
        assert one.recv(100).startswith(b"HTTP/1.1 200 OK")
        one.close()


def test_rankings_go_on_without_a_folding_process_and_events_are_counted_afterwards(server):
    server.wait_for(lambda said: said["ok"])
    with clients(server.url, a_request) as asking:
        asking.wait_for_more(20)
        killed = server.pids()["fold"]
        os.kill(killed, signal.SIGKILL)
        server.wait_for(lambda said: not said["ok"] and "is being replaced" in said["processes"])
        assert server.send(act("join", "u1", "r7", id="meanwhile")).status_code == 202
        asking.wait_for_more(20)
        server.wait_for(lambda said: said["ok"] and said["pids"]["fold"] != killed)
        answer = server.rank(user="u2", items=ROOMS)
    assert (answer["fallback"], answer["items"][0]["item"]) == ("popular", "r7")
    assert {one.status for one in asking.asked} == {200}


def test_a_folding_process_that_stands_still_is_told_and_rankings_go_on(tmp_path):
    with running_server(tmp_path, config=CONFIG + '[serving]\nmax_lag = "1s"\n') as server:
        server.send_and_fold(*map(room, ROOMS))
        fold = server.pids()["fold"]
        os.kill(fold, signal.SIGSTOP)
        with clients(server.url, a_request) as asking:
            server.wait_for(lambda said: "do not include events of the last" in (said["log"] or ""))
            asking.wait_for_more(20)
        assert {one.status for one in asking.asked} == {200}
        os.kill(fold, signal.SIGCONT)
        server.wait_for(lambda said: said["ok"])


def test_when_the_supervisor_is_killed_the_others_end_and_every_ranking_is_on_disk(
    server, tmp_path
):
    with clients(server.url, a_request) as asking:
        asking.wait_for_more(100)
        pids = server.pids().values()
        server.process.kill()
        until = time.monotonic() + 8
        while any(map(is_alive, pids)):
            assert time.monotonic() < until
            time.sleep(0.02)
        asking.wait_for_more(0)
    assert {one.id for one in asking.answered} <= set(logged_rankings(tmp_path))


@pytest.mark.parametrize("all_processes", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_loses_no_ranking(tmp_path, number, all_processes):
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, ROOMS))
        with clients(server.url, a_request) as asking:
            asking.wait_for_more(100)
            pids = server.pids().values()
            server.terminate(number, all_processes=all_processes)
            assert not any(map(is_alive, pids))
    assert {one.id for one in asking.answered} <= set(logged_rankings(tmp_path))
    levels = {line.split()[1] for line in server.said().splitlines()}
    assert levels <= {"info", "warning"}, "no traceback, and no error"


def test_when_everything_is_killed_only_rankings_of_the_last_moment_are_lost(server, tmp_path):
    with clients(server.url, a_request) as asking:
        asking.wait_for_more(300)
        killed_at = time.monotonic()
        server.kill_all()
    logged = set(logged_rankings(tmp_path))
    lost = [one for one in asking.answered if one.id not in logged]
    assert len(lost) < len(asking.answered)
    assert all(one.ended_at > killed_at - 1.0 for one in lost), "0.1 s where nobody else works"


def test_a_worker_that_cannot_start_is_tried_again_and_again_but_not_all_the_time(server, tmp_path):
    log, aside = tmp_path / ".liverank" / "log", tmp_path / "aside"
    log.rename(aside)
    log.write_text("in the way")
    with clients(server.url, a_request, count=1) as asking:
        asking.wait_for_more(1)
        os.kill(server.pids()["worker-0"], signal.SIGKILL)
        time.sleep(4)
        log.unlink()
        aside.rename(log)
        server.wait_for(lambda said: said["processes"] is None)
    ends = len(re.findall(r"worker 0 ended \(exit status 1\)", server.said()))
    assert 2 <= ends < 35
    assert len(re.findall("worker 1 ended", server.said())) == 0


def test_a_server_that_can_never_be_ready_says_why_and_ends(tmp_path):
    (tmp_path / ".liverank").mkdir()
    (tmp_path / ".liverank" / "log").write_text("in the way")
    with (
        pytest.raises(AssertionError, match=r"(?s)did not start.*liverank/log"),
        running_server(tmp_path),
    ):
        pass
    told = (tmp_path / "stderr.txt").read_text()
    assert "Traceback" not in told
    complaints = [line for line in told.splitlines() if " info " not in line]
    assert len(complaints) < 5, told
