"""What health says of a real server: each cause is told by every worker, and ends by itself."""

import json
import os
import resource
import signal
import time
from pathlib import Path

import pytest
from health_watchers import answer_of, is_well, told
from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server

from liverank.bundle import store

RANK = {"user": "u1", "items": ["r1"], "deadline_ms": 20_000}
QUICK = CONFIG + '[serving]\nmax_lag = "1s"\n'


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


def test_a_bundle_on_a_log_that_knows_nobody_is_told_until_somebody_comes(server):
    assert "the log has no history of users" in told(server, "log")
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


def test_a_pointer_that_is_gone_is_told_and_what_served_goes_on(server, site):
    pointer = site / ".liverank/bundles/current.json"
    content = pointer.read_bytes()
    pointer.unlink()
    assert "current.json is gone" in told(server, "bundle")
    assert server.rank(user="u1")["fallback"] is None
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


def levels(server):
    """What ranks, by each worker that new connections come to; those that stand still are left."""
    found = set()
    for _ in range(12):
        answer = answer_of(server, 0.3, "/v1/rank", RANK)
        if answer is not None:
            found.add((answer[1]["model"], answer[1]["fallback"]))
    return found


def wait_for_levels(server, expected, within_s=10.0):
    until = time.monotonic() + within_s
    while (found := levels(server)) != expected:
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_a_worker_that_cannot_load_the_bundle_is_told_and_ranks_by_the_one_before(server, site):
    root = site / ".liverank"
    old, new = store.current(root), store.add(root, a_bundle(a_spec(), seed=8))
    model = store.directory_of(root, new) / "model.npz"
    content = model.read_bytes()
    late = server.pids()["worker-1"]
    os.kill(late, signal.SIGSTOP)
    try:
        store.promote(root, new)
        wait_for_levels(server, {(new, None)})
        model.write_bytes(content[:-1])
    finally:
        os.kill(late, signal.SIGCONT)
    by_name = ("worker 1 cannot load the bundle that is served", "the bundle no longer loads")
    said = told(server, "bundle")  # which of them is said first is a matter of milliseconds
    assert any(words in said for words in by_name), said
    wait_for_levels(server, {(new, None), (old, "previous")})
    model.write_bytes(content)
    is_well(server)
    wait_for_levels(server, {(new, None)})


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
        server.wait_for(lambda said: said["rankings_lost"] > 0, seconds=2)
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
        said = told(server, "log", "rankings do not include events of the last")
        assert "`serving.max_lag` is 1s" in said
        assert server.rank(user="u1")["items"]
    finally:
        os.kill(pid, signal.SIGCONT)
    is_well(server)


def children_of(pid):
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_a_worker_that_has_ended_is_told_until_another_works_in_its_place(server):
    ended = server.pids()["worker-1"]
    before = children_of(server.process.pid)
    os.kill(ended, signal.SIGKILL)
    while not (born := children_of(server.process.pid) - before):
        pass
    successor = int(born.pop())
    os.kill(successor, signal.SIGSTOP)  # before it has come to anything
    try:
        said = told(server, "processes", timeout=0.25)
        assert "worker 1 is missing and is being replaced" in said
        assert len(levels(server)) == 1, "the other one answers"
    finally:
        os.kill(successor, signal.SIGCONT)
    assert is_well(server)["pids"]["worker-1"] == successor


def test_a_worker_that_does_nothing_is_told_by_the_other(server):
    pid = server.pids()["worker-1"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "worker 1 has done nothing" in told(server, "processes", timeout=0.25, within_s=30)
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
