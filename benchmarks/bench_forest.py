"""Scoring a forest: our kernel beside LightGBM's own prediction, one thread each.

The same trees on the same rows, in turns, in one process. It leans our way: LightGBM checks its
parameters at each call and is built for many rows at once; a ranking is one call with few rows.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np

from liverank.models.lightgbm_text import forest_from_lightgbm

TREES, LEAVES, FEATURES = 500, 63, 50
LIST_SIZES = (1, 55, 1000)
TURNS = 30


def main() -> None:
    """Train once, then time both on lists of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()

    booster = train()
    forest = forest_from_lightgbm(booster.model_to_string())
    print(f"{TREES} trees of {LEAVES} leaves on {FEATURES} features; median of {TURNS} turns")
    print(f"{'rows':>6} {'liverank us':>12} {'lightgbm us':>12} {'ratio':>7}")
    figures = []
    for size in LIST_SIZES:
        rows = np.random.default_rng(size).normal(size=(size, FEATURES)).astype(np.float32)

        def ours(rows: np.ndarray = rows) -> np.ndarray:
            return forest.margin(rows)

        def theirs(rows: np.ndarray = rows) -> np.ndarray:
            return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))

        np.testing.assert_allclose(ours(), theirs(), rtol=1e-9, atol=1e-9)
        our_us, their_us = in_turns(ours, theirs)
        print(f"{size:>6} {our_us:>12,.0f} {their_us:>12,.0f} {their_us / our_us:>7.2f}")
        figures.append({"rows": size, "liverank_us": our_us, "lightgbm_us": their_us})
    if arguments.out:
        arguments.out.write_text(json.dumps({"scoring": figures}, indent=2) + "\n")


def train() -> lightgbm.Booster:
    """A forest of the full size: noise in the labels keeps all leaves in use."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = x[:, 0] + np.sin(x[:, 1]) * x[:, 2] + generator.normal(size=len(x)) > 0
    parameters = {"objective": "binary", "num_leaves": LEAVES, "verbosity": -1, "seed": 0}
    return lightgbm.train(parameters, lightgbm.Dataset(x, y), num_boost_round=TREES)


def in_turns(*contestants: Callable[[], object]) -> list[float]:
    """Median microseconds of each, one after another in every turn."""
    times: list[list[float]] = [[] for _ in contestants]
    for _ in range(TURNS):
        for place, contestant in enumerate(contestants):
            began = time.perf_counter()
            contestant()
            times[place].append((time.perf_counter() - began) * 1e6)
    return [statistics.median(each) for each in times]


if __name__ == "__main__":
    main()
