"""Kills, full disks, broken bundles: nothing acknowledged is lost, and it always answers."""

import resource
import shutil
import threading
import time

import httpx
import pytest
from rank_servers import SCHEMA, a_bundle, a_spec, act, room, running_server

from liverank.bundle import store
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.events.schema.schema import Schema


def ids_in_the_log(directory):
    with Log.open(directory / ".liverank/log") as log:
        return {event.id for frame in log.read() for event in events_of(frame)}


def test_a_killed_server_has_lost_no_acknowledged_event_and_starts_again(tmp_path):
    acknowledged: set[str] = set()

    def send_for_ever(url: str, name: str) -> None:
        with httpx.Client(base_url=url) as client:
            for number in range(1_000_000):
                batch = [act("join", "u1", "r1", id=f"{name}-{number}-{k}") for k in range(3)]
                try:
                    response = client.post("/v1/events", json=batch)
                except httpx.TransportError:
                    return
                assert response.status_code == 202
                acknowledged.update(event["id"] for event in batch)

    for attempt in range(3):
        with running_server(tmp_path) as server:
            server.send(room("r1"))
            threads = [
                threading.Thread(target=send_for_ever, args=(server.url, f"{attempt}{name}"))
                for name in "abc"
            ]
            for thread in threads:
                thread.start()
            give_up = time.monotonic() + 20
            while len(acknowledged) <= 100 * (attempt + 1) and time.monotonic() < give_up:
                time.sleep(0.01)
            server.kill()
            for thread in threads:
                thread.join()
        assert len(acknowledged) > 100 * (attempt + 1)
        assert acknowledged <= ids_in_the_log(tmp_path)

    with running_server(tmp_path) as server:
        assert server.ranked_ids(user="u1") == ["r1"]
        assert server.client.get("/readyz").json()["seq"] >= len(acknowledged)


def test_without_room_for_the_log_events_are_refused_and_rankings_still_answered(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        workers = [pid for name, pid in server.pids().items() if name != "fold"]
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (100_000, hard))
        refused = server.send(*(act("join", "u1", f"r{number}" * 50) for number in range(3000)))

        assert refused.status_code in (500, 507)
        assert refused.json()["error"]["where"] == "log"
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
        assert "r1" in server.ranked_ids(user="u1")
        server.wait_for(lambda said: not said["ok"] and said["rankings_lost"] > 0)
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert server.send(act("join", "u1", "r1")).status_code == 202
        assert "r1" in server.ranked_ids(user="u1")
        server.wait_for(lambda said: said["ok"])


def promoted_within(server, version: str | None, seconds: float = 10) -> bool:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        if server.rank(user="u1")["model"] == version:
            return True
        time.sleep(0.05)
    return False


def test_a_promoted_bundle_is_served_without_a_restart_also_in_another_layout(tmp_path):
    root = tmp_path / ".liverank"
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1", host="h1"), act("join", "u1", "r1"))
        assert server.rank(user="u1")["fallback"] == "popular"

        one = store.add(root, a_bundle(a_spec()))
        store.promote(root, one)
        assert promoted_within(server, one)

        other_layout = a_spec(Schema(items={"host": "key"}, interactions=("join",)))
        two = store.add(root, a_bundle(other_layout))
        store.promote(root, two)
        assert promoted_within(server, two)

        server.send_and_fold(room("r2"))
        answer = server.rank(user="u1", explain=True)
        assert {"r1", "r2"} <= {item["item"] for item in answer["items"]}
        assert tuple(answer["items"][0]["features"]) == other_layout.names
        assert answer["fallback"] is None
        store.roll_back(root)
        assert promoted_within(server, one)


def test_a_broken_bundle_gives_way_to_the_previous_one_and_then_to_the_most_popular(tmp_path):
    root = tmp_path / ".liverank"
    one, two = (store.add(root, a_bundle(a_spec(), seed=seed)) for seed in (1, 2))
    store.promote(root, one)
    store.promote(root, two)
    (root / f"bundles/{two}/model.npz").write_bytes(b"broken")

    with running_server(tmp_path) as server:
        answer = server.rank(user="u1", items=["r1"])
        assert (answer["model"], answer["fallback"]) == (one, "previous")
        assert "model.npz: changed since it was written" in answer["fallback_reason"]

    shutil.rmtree(root / f"bundles/{one}")
    with running_server(tmp_path) as server:
        answer = server.rank(user="u1", items=["r1"])
        assert (answer["model"], answer["fallback"]) == (None, "newest")
        assert "nor does the previous bundle" in answer["fallback_reason"]


def test_an_explained_ranking_gives_features_and_reasons(tmp_path):
    root = tmp_path / ".liverank"
    store.promote(root, store.add(root, a_bundle(a_spec(SCHEMA))))
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"), room("r2"), act("join", "u1", "r1"))
        asked = {"user": "u1", "items": ["r1", "r2", "stranger"], "deadline_ms": 30_000}
        answer = server.rank(**asked, explain=True)
        plain = server.rank(**asked, id=answer["id"])

    for one, other in zip(plain["items"], answer["items"], strict=True):
        assert set(one) == {"item", "score", "position"}
        assert one["item"] == other["item"]
        # a moment has passed, and what the first list showed may have been folded
        assert one["score"] == pytest.approx(other["score"], abs=0.01)
    by_id = {item["item"]: item for item in answer["items"]}
    assert by_id["r1"]["features"]["item_join_forever"] == 1
    assert by_id["stranger"]["features"]["item_age_s"] is None
    for item in answer["items"]:
        effects = [abs(reason["effect"]) for reason in item["reasons"]]
        assert effects == sorted(effects, reverse=True)
        for reason in item["reasons"]:
            assert reason["words"].startswith(f"{reason['feature']} is ")
