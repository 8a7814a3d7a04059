"""The benchmark of serving: its world, its processes, its peers' model and its tables."""

import subprocess
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
import pytest

from liverank.models.forest.forest import Forest
from liverank.models.importers.lightgbm import forest_from_lightgbm
from serve.deployment import liverank
from serve.forest_text import lightgbm_text
from serve.glue import joined
from serve.loads import Row
from serve.processes import cpu_s, descendants, pss_bytes, running
from serve.report import cost_table, glue_table, load_table, stage_table
from serve.visits import history
from serve.world import CONFIG, WorldSize, make_world, more_rooms

TINY = WorldSize(people=300, live=60, more_live=20, days=0.5, visits=400, shown=6, follows=3)
END_MS = 1_790_000_000_000


def test_the_world_is_imported_whole_and_as_many_rooms_are_live_as_asked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "liverank.toml").write_text(CONFIG.format(budget="5s"))
    frames = dict(history(make_world(TINY, end_ms=END_MS)))
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / "events" / f"{name}.parquet")

    imported = liverank(tmp_path, "ingest", "events")

    assert imported["rejected"] == imported["duplicates"] == 0
    assert imported["accepted"] == sum(frame.height for frame in frames.values())
    states = frames["rooms"].group_by("item").agg(pl.col("state"))
    assert states.filter(~pl.col("state").list.contains("ended")).height == TINY.live


def test_everybody_has_a_past_and_nothing_happens_after_the_end() -> None:
    frames = dict(history(make_world(TINY, end_ms=END_MS)))
    visits = frames["visits"]

    assert visits["user"].n_unique() == TINY.people
    assert all(frame["time"].max() < END_MS for frame in frames.values())
    assert more_rooms(make_world(TINY, end_ms=END_MS)).height == TINY.more_live


def test_lists_name_rooms_once_and_only_those_that_are_live() -> None:
    frames = dict(history(make_world(TINY, end_ms=END_MS)))
    times = frames["rooms"].pivot("state", index="item", values="time")
    lists = frames["visits"].filter(pl.col("event") == "ranking").select("id", "time", "items")

    assert (lists["items"].list.n_unique() == TINY.shown).all()
    shown = lists.explode("items").join(times, left_on="items", right_on="item")
    assert shown.height == TINY.visits * TINY.shown
    assert (shown["started"] <= shown["time"]).all()
    assert (shown["ended"].fill_null(END_MS) >= shown["time"]).all()


def test_the_same_seed_gives_the_same_world() -> None:
    one, again = (dict(history(make_world(TINY, end_ms=END_MS))) for _ in range(2))

    assert all(one[name].equals(again[name]) for name in one)


def test_lightgbm_predicts_with_our_trees_what_we_do() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(500, 6)).astype(np.float32)
    rows[generator.random(rows.shape) < 0.2] = np.nan
    labels = (np.nan_to_num(rows[:, 0]) + generator.normal(size=500) > 0).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "min_data_in_leaf": 5},
        lightgbm.Dataset(rows, labels),
        num_boost_round=12,
    )
    forest = forest_from_lightgbm(booster.model_to_string())
    both = joined([forest, forest.rescaled(0.5, 0.1)])

    theirs = lightgbm.Booster(model_str=lightgbm_text(both)).predict(rows, raw_score=True)

    assert isinstance(both, Forest)
    np.testing.assert_allclose(theirs, 1.5 * forest.margin(rows) + 0.1, rtol=1e-9, atol=1e-9)


def test_a_servers_processor_time_and_memory_are_those_of_its_children_too(tmp_path: Path) -> None:
    child = (
        "import time; b = bytearray(60_000_000)\nwhile time.process_time() < .5: pass\n"
        "time.sleep(60)"
    )
    parent = (
        "import http.server, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "http.server.HTTPServer(('127.0.0.1', 8797), http.server.SimpleHTTPRequestHandler)"
        ".serve_forever()"
    )
    command = [sys.executable, "-c", parent]
    with running(command, tmp_path, "http://127.0.0.1:8797", "/") as server:
        children = descendants(server.pid)
        deadline = time.monotonic() + 20
        while cpu_s(children[0]) < 0.4 and time.monotonic() < deadline:
            time.sleep(0.05)

        assert len(children) == 1
        assert cpu_s(server.pid) >= 0.4
        assert pss_bytes(server.pid) > 60_000_000
        subprocess.run(["kill", "-9", str(children[0])], check=True)


def test_a_server_that_does_not_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such world')"]
    with (
        pytest.raises(RuntimeError, match="no such world"),
        running(command, tmp_path, "http://127.0.0.1:8798", "/"),
    ):
        pass


def row(**changed: object) -> Row:
    given: dict[str, object] = {
        "name": "900 q/s", "load_average": 2.0, "per_s": 899.0, "p50": 1.5, "p90": 3.0,
        "p99": 6.0, "most": 20.0, "sent": 900, "failed": 0, "refused": 2,
        "fallbacks": {"popular": 3}, "fold_lag_p99": None, "cpu_us": 1000.0, "told_cpu_us": None,
        "generator_cpu_us": 50.0, "kept_up": False, "wrong": [],
    }  # fmt: skip
    return Row(**(given | changed))  # type: ignore[arg-type]


def test_the_tables_tell_what_was_measured_and_what_was_not() -> None:
    told = load_table([row()])

    assert "900 q/s (the generator was behind) | 900 | 899.0 | 1.50 | 3.00 | 6.00" in told
    assert "popular 3 |  | 1,000 |" in told
    assert "| read | 30.0 | 75% |" in stage_table({"read": 30.0, "score": 10.0})
    assert "| glue | 400.0 | 4.00 |" in glue_table(
        {
            name: {"cpu_us": us, "per_s": 500.0, "p50_ms": 1.0, "p99_ms": 2.0, "what": "-"}
            for name, us in (("liverank", 100.0), ("glue", 400.0))
        }
    )


def test_a_millisecond_for_55_candidates_is_55_thousand_a_core_second() -> None:
    assert "| candidates for a second of one core | 55,000 |" in cost_table(row(), 55)
