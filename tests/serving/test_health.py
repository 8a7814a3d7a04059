"""What health says of a real server: each cause is told by every worker, and ends by itself."""

import json
import os
import resource
import signal
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server

from liverank.bundle import store

QUICK = CONFIG + '[serving]\nmax_lag = "1s"\n'
SOON_S = 2.5
"""A second after the cause, and what the machine may take."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("health")
    root = directory / ".liverank"
    store.promote(root, store.add(root, a_bundle(a_spec())))
    return directory


@pytest.fixture(scope="module")
def server(site):
    with running_server(site, "--workers", "2", config=QUICK) as server:
        yield server


def asked(server, timeout=20.0):
    """The status and the health, from whichever worker a new connection comes to."""
    parts = urlsplit(server.url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def told(server, key, *, within_s=10.0, timeout=20.0):
    """What health says under a key, once it says something: by 12 connections, none of which may
    think that all is well."""
    until = time.monotonic() + within_s
    while True:
        said = [answer for _ in range(12) if (answer := answer_of(server, timeout))]
        if said and all(status == 503 and health[key] for status, health in said):
            assert not any(health["ok"] for _, health in said)
            return said[0][1][key]
        assert time.monotonic() < until, said
        time.sleep(0.05)


def answer_of(server, timeout):
    try:
        return asked(server, timeout)
    except (OSError, HTTPException):
        return None


def is_well(server, *, within_s=SOON_S):
    """Wait until every worker says that all is well, and what they say."""
    until = time.monotonic() + within_s
    while True:
        said = [asked(server) for _ in range(12)]
        if all(status == 200 and health["ok"] for status, health in said):
            return said[0][1]
        assert time.monotonic() < until, said
        time.sleep(0.05)


def test_a_bundle_on_a_log_that_knows_nobody_is_told_until_somebody_comes(server):
    assert "the log knows nobody" in told(server, "log")
    assert server.client.get("/livez").status_code == 200
    server.send_and_fold(room("r1"), act("join", "u1", "r1"))
    assert is_well(server)["lag_s"] < 1


def test_a_pointer_that_cannot_be_read_is_told_until_it_can(server, site):
    pointer = site / ".liverank/bundles/current.json"
    content = pointer.read_bytes()
    pointer.write_text("{garbage")
    assert "current.json: cannot be read" in told(server, "bundle")
    assert server.rank(user="u1")["fallback"] is None, "what served goes on"
    pointer.write_bytes(content)
    is_well(server)


def test_a_promoted_bundle_that_does_not_load_is_told_and_served_once_it_is_restored(server, site):
    root = site / ".liverank"
    old, new = store.current(root), store.add(root, a_bundle(a_spec(), seed=7))
    model = root / f"bundles/{new}/model.npz"
    content = model.read_bytes()
    model.write_bytes(content[:1000])
    (root / "bundles/current.json").write_text(json.dumps({"promoted": [old, new]}))
    said = told(server, "bundle")
    assert "model.npz: changed since it was written" in said
    assert "`liverank rollback`" in said
    assert (server.rank(user="u1")["model"], server.rank(user="u1")["fallback"]) == (
        old,
        "previous",
    )
    model.write_bytes(content)
    is_well(server)
    answer = server.rank(user="u1")
    assert (answer["model"], answer["fallback"]) == (new, None)


def test_a_log_that_takes_nothing_is_told_for_events_and_rankings_until_it_does(server):
    server.send_and_fold(room("r1"), act("join", "u1", "r1"))
    pids = [pid for name, pid in server.pids().items() if name != "fold"]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        refused = server.send(*(act("join", "u1", f"r{number}" * 50) for number in range(3000)))
        assert refused.status_code in (500, 507)
        assert "events are refused" in told(server, "log")
        assert server.rank(user="u1")["items"], "rankings are still answered"
        assert "disk" in told(server, "rankings")
        assert server.health()["rankings_lost"] > 0
        time.sleep(1.2)
        told(server, "log", within_s=0.5)
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    is_well(server)
    assert server.send(act("join", "u1", "r1")).status_code == 202


def test_a_fold_that_stands_still_is_told_until_it_goes_on(server):
    pid = server.pids()["fold"]
    os.kill(pid, signal.SIGSTOP)
    try:
        said = told(server, "log")
        assert "`serving.max_lag` is 1s" in said
        assert server.rank(user="u1")["items"]
    finally:
        os.kill(pid, signal.SIGCONT)
    is_well(server)


def test_a_process_that_folds_and_dies_is_told_until_another_has_folded(server):
    before = server.pids()["fold"]
    os.kill(before, signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    for _ in range(200):
        if is_well(server, within_s=20)["pids"]["fold"] != before:
            return
        time.sleep(0.1)
    raise AssertionError("no other process folds")


def test_a_worker_that_does_nothing_is_told_by_the_other(server):
    pid = server.pids()["worker-1"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "worker 1 has done nothing" in told(server, "processes", timeout=0.5, within_s=30)
    finally:
        os.kill(pid, signal.SIGCONT)
    is_well(server)


def test_a_bundle_that_is_broken_at_the_start_is_told_and_served_once_it_is_restored(tmp_path):
    root = tmp_path / ".liverank"
    version = store.add(root, a_bundle(a_spec()))
    store.promote(root, version)
    model = root / f"bundles/{version}/model.npz"
    content = model.read_bytes()
    model.write_bytes(content[:1000])
    with running_server(tmp_path, "--workers", "1") as server:
        server.send_and_fold(room("r1"), act("join", "u1", "r1"))
        assert "model.npz: changed since it was written" in told(server, "bundle", within_s=1)
        assert server.rank(user="u1")["fallback"] == "popular"
        model.write_bytes(content)
        is_well(server)
        assert server.rank(user="u1")["model"] == version
