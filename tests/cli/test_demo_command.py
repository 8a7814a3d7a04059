"""The demo, as a person runs it: a small world through every command, and a real server."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liverank.config import load_config
from liverank.errors import ServingError
from liverank.simulator.portrait import live_rooms
from liverank.simulator.server.own_server import own_server
from liverank.simulator.world.world import DAY_MS, build_world


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "liverank", "demo", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def seed_with_live_rooms(people: int) -> int:
    """A seed of a world of one day in which rooms are live now: in a tiny one often none is."""
    now_ms = time.time_ns() // 1_000_000
    for seed in range(100):
        world = build_world(seed, people=people, days=1, start_ms=now_ms - DAY_MS)
        soon = [
            room
            for room in live_rooms(world, now_ms)
            if room in live_rooms(world, now_ms - 300_000)
        ]
        if len(soon) > 1:
            return seed
    raise AssertionError("no seed has a live room")


def test_a_small_world_goes_through_the_whole_loop_and_stays_where_it_is_kept(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"

    shown = demo("--people", "400", "--days", "3", "--seed", "4", "--keep", str(kept), "--json")

    assert shown.returncode == 0, shown.stderr
    result = json.loads(shown.stdout.splitlines()[-1])
    assert result["ok"]
    assert (kept / "events.jsonl").read_bytes().count(b"\n") == result["events"]
    assert load_config(kept / "liverank.toml").label.interaction == "join"
    assert (kept / ".liverank" / "bundles" / result["bundle"]).is_dir()
    assert {"model", "oracle", "random", result["best_heuristic"]} <= set(result["methods"])
    assert result["best_heuristic"] not in {"model", "oracle", "random"}
    people = result["people"]
    assert len({person["user"] for person in people}) == 3
    for person in people:
        assert person["items"], "a list for each"
        for room in person["items"]:
            assert 0 < room["score"] < 1
            assert 0 < room["true_join_probability"] < 1
        scores = [room["score"] for room in person["items"]]
        assert scores == sorted(scores, reverse=True)
        assert person["user"] in shown.stderr
    assert any(room["reasons"] for person in people for room in person["items"])


def test_where_there_is_too_little_to_learn_from_popularity_ranks_and_the_demo_says_so() -> None:
    seed = str(seed_with_live_rooms(people=100))

    shown = demo("--people", "100", "--days", "1", "--seed", seed, "--json")

    assert shown.returncode == 0, shown.stderr
    result = json.loads(shown.stdout.splitlines()[-1])
    assert result["ok"]
    assert result["bundle"] is None
    assert "no bundle was written" in shown.stderr
    assert {room["by"] for person in result["people"] for room in person["items"]} <= {
        "popular",
        "newest",
    }


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    refused = demo("--keep", str(tmp_path))

    assert refused.returncode == 1
    assert "is not empty; give --keep a new folder" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_too_small_a_world_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = demo("--people", "3")

    assert refused.returncode == 1
    assert refused.stderr.strip() == "liverank demo: `people` is 3; a world needs at least 10"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    told = r"ended before it listened: .*no such file"

    with pytest.raises(ServingError, match=told), own_server(tmp_path / "liverank.toml"):
        pass
