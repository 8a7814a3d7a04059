"""Bundles are promoted and rolled back under load, users erased, processes killed: no answer fails.

And each is one model's work: what it read from state gives its scores, and a replay reads the same.
"""

import os
import random
import signal
import threading
import time

import httpx
import numpy as np
import pytest
from rank_clients import clients
from rank_servers import CONFIG, a_bundle, a_spec, act, person, room, running_server
from test_served_equals_replayed import an_event, promote, replay_check

from liverank.bundle import store
from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.events.schema.schema import Schema

SERVER = CONFIG + "\n[serving]\nlog_vectors = 1.0\n"
OTHER_LAYOUT = a_spec(Schema(items={"host": "key"}, interactions=("join",)))
ROOMS = [f"r{number}" for number in range(40)]


def a_request():
    time.sleep(0.005)  # or there would be more to check than it takes
    request = {"user": f"u{random.randrange(30)}", "limit": 20, "deadline_ms": 20_000}
    if random.random() < 0.5:
        request["items"] = random.sample(ROOMS, 12)
    return request


def rankings_of(directory):
    with Log.open(directory / ".liverank" / "log") as log:
        events = [event for frame in log.read() for event in events_of(frame)]
    return {event.id: event for event in events if isinstance(event, Ranking)}


def assert_each_is_the_work_of_one_model(asked, rankings, bundles):
    """Each answer's scores are those that its model gives for what was read."""
    seen = set()
    for one in asked:
        answer, ranking = one.answer, rankings[one.id]
        assert (answer["fallback"], answer["model"]) == (None, ranking.model)
        seen.add(answer["model"])
        listed = [item["item"] for item in answer["items"]]
        assert listed == ranking.items
        if not listed:
            continue
        model = bundles[ranking.model].model
        rows = np.frombuffer(ranking.vectors, "<f4").reshape(len(ranking.scored), -1)
        scores = dict(zip(ranking.scored, model.answers(rows.copy()).tolist(), strict=True))
        assert [item["score"] for item in answer["items"]] == [scores[name] for name in listed]
    assert seen == set(bundles)


def until_all_rank_by(server, version):
    """Ask both workers until each ranks by this version."""
    until, in_a_row = time.monotonic() + 30, 0
    while in_a_row < 12:
        in_a_row = in_a_row + 1 if server.ask("/readyz").get("model") == version else 0
        assert time.monotonic() < until, server.health()


@pytest.mark.timeout(200)
def test_no_request_fails_or_is_mixed_while_bundles_are_swapped_and_processes_killed(tmp_path):
    root = tmp_path / ".liverank"
    one = promote(tmp_path, a_spec())
    other = store.add(root, a_bundle(a_spec(), seed=7))
    fewer = store.add(root, a_bundle(OTHER_LAYOUT))
    chance = random.Random(5)
    with running_server(tmp_path, config=SERVER) as server:
        server.send_and_fold(*(an_event(chance, number) for number in range(200)))
        stop = threading.Event()

        def send() -> None:
            number = 1000
            while not stop.is_set():
                batch = [an_event(chance, number + k) for k in range(20)]
                number += 20
                assert server.send(*batch).status_code == 202
                time.sleep(0.01)

        sender = threading.Thread(target=send)
        with clients(server.url, a_request, count=5) as asking:
            sender.start()
            for version in (other, fewer, one):
                store.promote(root, version)
                until_all_rank_by(server, version)
                asking.wait_for_more(20)
            assert asking.broken == []
            assert store.roll_back(root) == fewer
            until_all_rank_by(server, fewer)
            assert asking.broken == []
            stop.set()
            sender.join()
            killed_at = []
            for process in ("worker-0", "fold", "worker-1"):
                os.kill(server.pids()[process], signal.SIGKILL)
                killed_at.append(time.monotonic())
                server.wait_for(lambda said: not said["ok"] or len(said["pids"]) == 3)
                asking.wait_for_more(20)
                server.wait_for(lambda said: said["ok"] and len(said["pids"]) == 3)
        server.terminate()
    assert {asked.status for asked in asking.asked} <= {200, None}
    assert len(asking.broken) <= 2 * 5, "for each worker killed, one for each of its connections"
    rankings = rankings_of(tmp_path)
    bundles = {version: store.load(root, version) for version in (one, other, fewer)}
    lost = [asked for asked in asking.answered if asked.id not in rankings]
    for asked in lost:
        assert any(-1.0 < asked.ended_at - at < 0.05 for at in killed_at), "a worker's last moment"
    kept = [asked for asked in asking.answered if asked.id in rankings]
    assert_each_is_the_work_of_one_model(kept, rankings, bundles)
    told = replay_check(tmp_path)
    assert (told["ok"], told["mismatches"]) == (True, 0)
    assert told["rankings"] > 100


def test_a_bundle_that_does_not_verify_is_refused_and_told_until_another_is_promoted(tmp_path):
    root = tmp_path / ".liverank"
    one = promote(tmp_path, a_spec())
    broken = store.add(root, a_bundle(a_spec(), seed=7))
    model = store.directory_of(root, broken) / "model.npz"
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, ROOMS))
        with clients(server.url, a_request, count=3) as asking:
            asking.wait_for_more(10)
            store.promote(root, broken)
            model.write_bytes(model.read_bytes()[:-1])
            server.wait_for(lambda said: "model.npz" in (said["bundle"] or ""))
            assert not server.health()["ok"]
            asking.wait_for_more(10)
            store.roll_back(root)
            server.wait_for(lambda said: said["ok"])
    assert {asked.status for asked in asking.asked} == {200}
    assert {asked.answer["model"] for asked in asking.answered} == {one}
    assert {asked.answer["fallback"] for asked in asking.answered} <= {None, "previous"}


def test_a_worker_that_starts_when_the_bundle_is_gone_ranks_by_popularity_and_says_so(tmp_path):
    root = tmp_path / ".liverank"
    one = promote(tmp_path, a_spec())
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, ROOMS), act("join", "u1", "r7"))
        model = store.directory_of(root, one) / "model.npz"
        content = model.read_bytes()
        model.write_bytes(content[:-1])
        os.kill(server.pids()["worker-0"], signal.SIGKILL)
        server.wait_for(lambda said: said["processes"] is None and said["bundle"] is not None)
        with clients(server.url, lambda: {"user": "u1", "items": ROOMS}, count=12) as asking:
            asking.wait_for_more(50)
        for told in ("no longer loads", "worker 0 cannot load the bundle that is served"):
            server.wait_for(lambda said, told=told: told in (said["bundle"] or ""))
        model.write_bytes(content)
        server.wait_for(lambda said: said["ok"])
    assert {asked.status for asked in asking.asked} == {200}
    levels = {(asked.answer["model"], asked.answer["fallback"]) for asked in asking.answered}
    assert levels == {(one, None), (None, "popular")}


@pytest.mark.parametrize("kills", [False, True])
def test_once_an_erasure_is_answered_no_worker_knows_the_user(tmp_path, kills):
    asked = ["joined", "stranger"]

    def a_ranking():
        return {"user": f"u{random.randrange(50)}", "items": asked, "deadline_ms": 20_000}

    with running_server(tmp_path) as server:
        server.send_and_fold(room("joined"), person("stays"))
        for number in range(4):
            user = f"gone{number}"
            server.send_and_fold(*(act("join", user, "joined") for _ in range(3)))
            assert server.rank(user="stays", items=asked)["fallback"] == "popular"
            with clients(server.url, a_ranking, count=8) as asking:
                asking.wait_for_more(20)
                if kills:
                    victim = ("worker-0", "worker-1", "fold", "worker-0")[number]
                    pid = server.pids()[victim]
                    timer = threading.Timer(random.random() / 5, os.kill, (pid, signal.SIGKILL))
                    timer.start()
                erased_at = None
                while erased_at is None:
                    try:
                        response = server.client.delete(f"/v1/users/{user}")
                        assert response.status_code == 200
                        erased_at = time.monotonic()
                    except httpx.TransportError:
                        assert kills, "the worker that was asked is killed"
                asking.wait_for_more(60)
            later = [one for one in asking.answered if one.sent_at > erased_at]
            assert {one.answer["fallback"] for one in later} == {"newest"}
            if kills:
                timer.join()  # or it might kill whom the next turn asks
                server.reconnect()
            server.wait_for(lambda said: said["ok"] and len(said["pids"]) == 3)
        server.terminate()
    told = rankings_of(tmp_path).values()
    assert not any(ranking.user.startswith("gone") for ranking in told)
