"""A served feature vector equals the replayed one, bit for bit, whatever happens meanwhile."""

import random
import threading
from dataclasses import replace

import httpx
import numpy as np
import polars as pl
import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, person, room, running_server

from liverank.bundle.bundle import load_bundle, write_bundle
from liverank.config import parse_config
from liverank.dataset.lists import collect_lists
from liverank.dataset.replay import replay
from liverank.events.log import Log
from liverank.features.hashing import hash_id
from liverank.features.kinds.context import SERVED_POSITION

LANGUAGES = ("en", "pt")


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
    event = act(chance.choice(["join", "join", "leave"]), user, item, id=f"i{number}")
    if roll < 0.3:  # late, or with a clock that runs ahead
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
        for _ in range(count):
            request = {"user": f"u{chance.randrange(32)}", "explain": True}
            if chance.random() < 0.5:
                request["items"] = [f"r{place}" for place in chance.sample(range(45), 12)]
            if chance.random() < 0.5:
                request["limit"] = 5
            if chance.random() < 0.5:
                request["fields"] = {"device": chance.choice(["ios", "android"])}
            response = client.post("/v1/rank", json=request)
            assert response.status_code == 200, response.text
            answers.append(response.json())


def ranking_ids(frames: list[pl.DataFrame]) -> list[str]:
    """Ids of the rankings in the order in which a replay reads them."""
    rankings = pl.concat(frames).filter(
        (pl.col("event") == "ranking") & (pl.col("items").list.len() > 0)
    )
    return rankings.sort(pl.coalesce(pl.col("cut") + 1, "seq"), "seq")["id"].to_list()


def bits_of(values: object) -> list[int]:
    """float32 bits, with one pattern for NaN, which JSON tells as null."""
    row = np.array(values, np.float32)
    row[np.isnan(row)] = np.nan
    return row.view(np.uint32).tolist()


@pytest.mark.timeout(120)
def test_every_served_vector_equals_the_replayed_one(tmp_path):
    spec = a_spec()
    write_bundle(tmp_path / "bundle", a_bundle(spec))
    answers: list[dict] = []
    with running_server(tmp_path / "site", "--bundle", str(tmp_path / "bundle")) as server:
        chance = random.Random(0)
        server.send_and_fold(*(an_event(chance, number) for number in range(300)))
        stop = threading.Event()
        senders = [
            threading.Thread(target=send_events, args=(server.url, seed, stop)) for seed in (1, 2)
        ]
        askers = [
            threading.Thread(target=ask_rankings, args=(server.url, seed, 150, answers))
            for seed in (3, 4, 5)
        ]
        for thread in senders + askers:
            thread.start()
        for thread in askers:
            thread.join()
        stop.set()
        for thread in senders:
            thread.join()
        server.terminate()

    config = parse_config(CONFIG)
    with Log.open(tmp_path / "site/.liverank/log") as log:
        frames = list(log.read())
    lists = collect_lists(frames, spec.layout, config)
    reads = replace(lists.reads, positions=np.full(len(lists.reads.items), SERVED_POSITION))
    replayed = np.concatenate(
        [
            chunk.features
            for chunk in replay(frames, spec, reads, max_future_ms=300_000, chunk_rows=700)
        ]
    )
    begins = dict(zip(ranking_ids(frames), range(len(reads)), strict=True))
    model = load_bundle(tmp_path / "bundle").model
    compared = 0
    for answer in answers:
        assert answer["fallback"] is None
        if not answer["items"]:
            continue
        place = begins[answer["id"]]
        rows = slice(*reads.offsets[place : place + 2])
        row_of = dict(zip(reads.items[rows].tolist(), replayed[rows], strict=True))
        for item in answer["items"]:
            row = row_of[hash_id(item["item"])]
            assert tuple(item["features"]) == spec.names
            assert bits_of(list(item["features"].values())) == bits_of(row)
            assert model.probability(row[None, :])[0] == item["score"]
            compared += 1
    cuts = pl.concat(frames).filter(pl.col("event") == "ranking")["cut"]
    assert compared > 1500
    assert cuts.n_unique() > 10, "rankings and folds were not interleaved"
