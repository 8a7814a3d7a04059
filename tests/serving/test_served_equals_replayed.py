"""A served feature vector equals the replayed one, bit for bit, whatever happens meanwhile."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

import httpx
import numpy as np
import pytest
from rank_servers import CONFIG, SCHEMA, a_bundle, act, now_ms, person, room, running_server

from liverank.bundle import store
from liverank.config import parse_config
from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.features.kinds.listwise import InList
from liverank.features.spec import derive_spec

LANGUAGES = ("en", "pt")
SERVER = CONFIG + "\n[serving]\nlog_vectors = 1.0\nlog_candidates = 0.0\n"
EVERY_COMPARISON = '\n[features]\non = ["item_*_above_mean_sd", "item_*_gap"]\n'
SPEC = derive_spec(SCHEMA, parse_config(CONFIG + EVERY_COMPARISON))
FEWER = SPEC.keep(set(SPEC.names[::3]))


def an_event(chance: random.Random, number: int) -> dict[str, object]:
    """An event about a small world in which everything changes all the time."""
    user, item = f"u{chance.randrange(30)}", f"r{chance.randrange(40)}"
    roll = chance.random()
    if roll < 0.1:
        return room(
            item,
            chance.choice(["started", "updated", "ended", "scheduled"]),
            host=f"h{chance.randrange(5)}",
            topics=[f"t{chance.randrange(6)}" for _ in range(chance.randrange(4))],
            language=chance.choice(LANGUAGES),
        )
    if roll < 0.15:
        return person(user, language=chance.choice(LANGUAGES))
    if roll < 0.2:
        target = f"h{chance.randrange(5)}" if roll < 0.18 else f"u{chance.randrange(30)}"
        return {
            "event": "edge", "time": now_ms(), "user": user, "relation": "follow",
            "target": target, "active": chance.random() < 0.7,
        }  # fmt: skip
    event = act(chance.choice(["join", "join", "leave"]), user, item, id=f"i{number}")
    if roll < 0.4:  # late, or with a clock that runs ahead
        event["time"] += chance.choice([-3_600_000, -60_000, 60_000, 3_600_000])
    return event


def send_events(url: str, seed: int, stop: threading.Event) -> None:
    chance = random.Random(seed)
    with httpx.Client(base_url=url, timeout=20) as client:
        number = seed * 1_000_000
        while not stop.is_set():
            batch = [an_event(chance, number + k) for k in range(chance.choice([1, 2, 30]))]
            number += len(batch)
            assert client.post("/v1/events", json=batch).status_code == 202


def ask_rankings(url: str, seed: int, count: int, answers: list[dict]) -> None:
    chance = random.Random(seed)
    with httpx.Client(base_url=url, timeout=20) as client:
        for number in range(count):
            request = {"user": f"u{chance.randrange(32)}", "explain": chance.random() < 0.5}
            request["deadline_ms"] = 20_000  # none by popularity
            if number % 30 == 0:
                request["items"] = [f"r{place}" for place in range(250)]
            elif chance.random() < 0.5:
                request["items"] = [f"r{place}" for place in chance.sample(range(45), 12)]
            if chance.random() < 0.5:
                request["limit"] = 5
            if chance.random() < 0.5:
                request["fields"] = {"device": chance.choice(["ios", "android"])}
            response = client.post("/v1/rank", json={"deadline_ms": 20_000, **request})
            assert response.status_code == 200, response.text
            answers.append(response.json())


def ask_at_once(url: str, seeds: tuple[int, ...], answers: list[dict]) -> None:
    askers = [
        threading.Thread(target=ask_rankings, args=(url, seed, 100, answers)) for seed in seeds
    ]
    for thread in askers:
        thread.start()
    for thread in askers:
        thread.join()


def promote(site: Path, spec: object) -> str:
    root = site / ".liverank"
    version = store.add(root, a_bundle(spec))
    store.promote(root, version)
    return version


def wait_for_model(client: httpx.Client, version: str) -> None:
    for _ in range(1000):
        if client.get("/readyz").json()["model"] == version:
            return
        time.sleep(0.01)
    raise AssertionError(client.get("/healthz").text)


def replay_check(site: Path) -> dict:
    """What ``liverank replay --check`` tells, run as anybody runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "liverank", "replay", "--check", "--json"],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    told: dict = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("spec", [SPEC, FEWER])
def test_all_ways_to_compare_a_candidate_with_its_list_are_served_here(spec):
    kinds = {type(feature.expression) for feature in spec.features if feature.kind == "in_list"}
    assert kinds == set(get_args(InList))


@pytest.mark.timeout(120)
def test_every_served_vector_equals_the_replayed_one(tmp_path):
    site, answers = tmp_path / "site", []
    first = promote(site, SPEC)
    with running_server(site, config=SERVER) as server:
        chance = random.Random(0)
        server.send_and_fold(*(an_event(chance, number) for number in range(300)))
        stop = threading.Event()
        senders = [
            threading.Thread(target=send_events, args=(server.url, seed, stop)) for seed in (1, 2)
        ]
        for thread in senders:
            thread.start()
        ask_at_once(server.url, (3, 4, 5), answers)
        second = promote(site, FEWER)
        wait_for_model(server.client, second)
        ask_at_once(server.url, (6, 7, 8), answers)
        stop.set()
        for thread in senders:
            thread.join()
        server.terminate()

    told = replay_check(site)
    assert (told["ok"], told["mismatches"], told["differences"]) == (True, 0, [])
    assert told["skipped"] == {}
    assert told["rankings"] > 500
    assert told["rows"] > 5000

    with Log.open(site / ".liverank/log") as log:
        events = [event for frame in log.read() for event in events_of(frame)]
    rankings = {event.id: event for event in events if isinstance(event, Ranking)}
    assert {ranking.model for ranking in rankings.values()} == {first, second}
    assert len({ranking.cut for ranking in rankings.values()}) > 10, "folds were not interleaved"
    told_rows = 0
    for answer in answers:
        ranking = rankings[answer["id"]]
        assert [item["item"] for item in answer["items"]] == ranking.items
        if ranking.vectors is None:
            assert ranking.scored == []
            continue
        rows = np.frombuffer(ranking.vectors, "<f4").reshape(len(ranking.scored), -1)
        for item in answer["items"]:
            if item.get("features"):
                row = rows[ranking.scored.index(item["item"])]
                assert as_told(item["features"].values()) == as_told(row.tolist())
                told_rows += 1
    assert told_rows > 1000


def as_told(values: object) -> list[float | None]:
    """Numbers as JSON tells them: what is unknown is null."""
    return [None if value is None or value != value else value for value in values]
