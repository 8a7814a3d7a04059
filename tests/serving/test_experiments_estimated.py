"""From a real server's random and interleaved variants to estimates and a preference."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from rank_servers import act, room, running_server

from liverank.cli import main

CONFIG = """
[label]
interaction = "join"
within = "1s"

[experiments.explore]
start = "2026-01-01T00:00:00Z"

[experiments.explore.variants]
random = { rank = "random", share = 0.4 }
mixed = { rank = "interleave:popular,random", share = 0.4 }
three = { rank = "multileave:random,popular,model", share = 0.2 }

[experiments.explore.forced]
tester = "random"
"""
CHANCE = {"room0": 0.6, "room1": 0.1, "room2": 0.3, "room3": 0.2}
LISTS = 1_500


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A deployment in which people got random and interleaved lists, and joined by chance."""
    place: Path = tmp_path_factory.mktemp("estimated")
    rng = np.random.default_rng(2)
    with running_server(place, config=CONFIG) as server:
        server.send_and_fold(*(room(item) for item in CHANCE))
        joins = []
        for number in range(LISTS):
            user = "tester" if number % 50 == 0 else f"u{number % 250}"
            # the id seeds the draws of a list
            answer = server.rank(user=user, items=list(CHANCE), limit=2, id=f"q{number}")
            assert answer["variant"] is not None
            joins += [
                act("join", user, item["item"], ranking=answer["id"])
                for item in answer["items"]
                if user != "tester" and rng.random() < CHANCE[item["item"]]
            ]
            if len(joins) > 40 or number == LISTS - 1:  # each batch waits for the disk
                server.send(*joins)
                joins = []
        time.sleep(1.5)
        server.send_and_fold(room("room0", state="updated"))
    return place / "liverank.toml"


def told(capsys, *arguments):
    capsys.readouterr()
    code = main([*arguments, "--json"])
    shown = capsys.readouterr()
    assert code == 0, shown.err
    return json.loads(shown.out.splitlines()[-1])


def test_what_popularity_would_bring_is_estimated_from_the_lists_of_the_random_variant(
    config, capsys
):
    found = told(capsys, "experiment", "estimate", "--policy", "popular", "--config", str(config))
    counts = found["rankings"]
    assert counts["used"] + counts["label_still_open"] == counts["with_propensities"]
    assert counts["with_propensities"] > 0.3 * LISTS
    assert found["largest_weight"] == 4.0
    low, high = found["estimates"]["dr"]["ci"]
    assert low < CHANCE["room0"] + CHANCE["room2"] < high
    low, high = found["estimates"]["logged"]["ci"]
    assert low < 2 * np.mean(list(CHANCE.values())) < high


def test_people_prefer_what_is_popular_to_what_is_random(config, capsys):
    command = ("experiment", "preference", "explore", "--config", str(config))
    found = told(capsys, *command, "--variant", "mixed")
    assert found["rankers"] == ["popular", "random"]
    (only,) = found["preferences"]
    assert only["share"] < 0.5
    assert only["ci"][1] < 0.5


def test_of_three_rankers_in_one_list_the_two_that_agree_are_preferred_to_chance(config, capsys):
    command = ("experiment", "preference", "explore", "--config", str(config))
    found = told(capsys, *command, "--variant", "three")
    pairs = {tuple(pair["rankers"]): pair for pair in found["preferences"]}
    assert len(pairs) == 3
    assert pairs["random", "popular"]["share"] > 0.5
    assert pairs["random", "model"]["share"] > 0.5
    alike = pairs["popular", "model"]  # without a bundle the model falls back on popularity
    assert alike["share"] == pytest.approx(0.5)
    assert alike["p_adjusted"] > 0.05
