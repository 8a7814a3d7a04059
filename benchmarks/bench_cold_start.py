"""From how much history on a first model ranks better than popularity, in worlds of several sizes.

Each world begins without history: lists are by recent joins, and a tenth of them in random order.
Worlds of the third seed have many more hosts; those of the fourth have people whose tastes, hosts
and friends move them by a quarter of what they do elsewhere. After some hours a model is trained on
what there is, and judged by the true chances of joins of all items of the next day's lists, beside
the best popularity heuristic of that day. Each training is a line of ``bench/cold_start.jsonl``, so
what was interrupted goes on where it stopped; a table shows what each candidate rule would have
waited for. Some ten minutes of processor time.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from liverank.autopilot.backtest import TRUE, run_backtest
from liverank.autopilot.gate import MODEL
from liverank.config import parse_config
from liverank.errors import DatasetError, TrainingError
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play
from liverank.simulator.truth import true_scores
from liverank.simulator.world.constants import Choices, Constants, Weights
from liverank.simulator.world.world import World, build_world

HOUR_MS = 3_600_000
PEOPLE = (100, 200, 400, 800, 1600)
HOURS = (3, 6, 12, 24, 36, 48, 72, 120)
MOST_SUCCESSES = 6_000
"""Prefixes with more successes are left out: all rules are met by then."""
TEST_HOURS = 24
CONFIG = '[label]\ninteraction = "join"\nwithin = "10m"\n[training]\nbudget = "4s"\n'
BINS = (0, 25, 75, 150, 300, 1000, 6001)
MANY_HOSTS, ALIKE = 3, 4
"""Seeds of the worlds that differ from the usual ones."""
PERSONAL = ("taste", "liking", "language", "wording", "followed", "company")
FILE = Path(__file__).resolve().parent.parent / "bench" / "cold_start.jsonl"


class Explored:
    """Popularity, with a share of the lists in random order, as a server without a model does."""

    def __init__(self, world: World, share: float, seed: int) -> None:
        self._popular, self._random = MostPopular(world), RandomOrder(world, seed=seed)
        self._share, self._rng = share, np.random.default_rng(seed)

    def rank(self, visits: Visits) -> list[list[str]]:
        """An order for each visit."""
        is_random = (self._rng.random(len(visits)) < self._share).tolist()
        pairs = zip(is_random, self._popular.rank(visits), self._random.rank(visits), strict=True)
        return [shaken if chosen else popular for chosen, popular, shaken in pairs]

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins."""
        self._popular.observe(events)


def main() -> None:
    """Train what was not trained before, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="worlds of each size")
    parser.add_argument("--people", default=",".join(map(str, PEOPLE)), help="sizes: a,b")
    parser.add_argument("--again", action="store_true", help="repeat trainings that are done")
    arguments = parser.parse_args()
    FILE.parent.mkdir(exist_ok=True)
    if arguments.again:
        FILE.unlink(missing_ok=True)
    done = read()
    for seed in range(1, arguments.seeds + 1):
        for people in map(int, arguments.people.split(",")):
            if not any((one["people"], one["seed"]) == (people, seed) for one in done):
                lines = [json.dumps(found) + "\n" for found in trainings(people, seed)]
                with FILE.open("a") as file:
                    file.writelines(lines)
    print_tables(read())


def read() -> list[dict[str, Any]]:
    """What was measured so far."""
    return [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []


def trainings(people: int, seed: int) -> Iterator[dict[str, Any]]:
    """The figures of each length of history of one world."""
    world = build_world(
        seed,
        people=people,
        hosts=people // 4 if seed == MANY_HOSTS else None,
        days=-(-(HOURS[-1] + TEST_HOURS) // 24),
        constants=alike_people() if seed == ALIKE else None,
    )
    life = Life(world, seed=seed, shown=20, record_chances=True)
    events = list(play(life, Explored(world, 0.1, seed), shown=20))
    frame = in_import_order(frame_of(events))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    config = parse_config(CONFIG)
    for hours in HOURS:
        until_ms = world.start_ms + hours * HOUR_MS
        before = frame.filter(pl.col("time") < until_ms)
        joins = int((before["type"] == "join").sum())
        if joins > MOST_SUCCESSES:
            return
        log = frame.filter(pl.col("time") < until_ms + TEST_HOURS * HOUR_MS)
        began = time.process_time()
        found: dict[str, Any] = {
            "people": people,
            "seed": seed,
            "hours": hours,
            "lists": int((before["event"] == "ranking").sum()),
            "joins": joins,
            "users": before["user"].n_unique(),
        }
        try:
            tested = run_backtest(
                lambda log=log: log.iter_slices(50_000),
                config,
                test_from_ms=until_ms,
                truth=lambda lists: true_scores(life, lists),
            )
        except (DatasetError, TrainingError) as error:
            found |= {"model": None, "why": str(error)[:100]}
        else:
            against = tested.trained.report.against
            found |= {
                "model": tested.methods[MODEL][TRUE],
                "heuristic": tested.methods[tested.best_heuristic][TRUE],
                "best": tested.best_heuristic,
                "served": tested.methods["popular_1h"][TRUE],
                "random": tested.methods["random"][TRUE],
                "oracle": tested.methods["oracle"][TRUE],
                "gain": tested.differences[TRUE],
                "gate": bool(against is not None and against.beats),
                "rows": tested.training_rows,
            }
        yield found | {"cpu_s": round(time.process_time() - began, 1)}


def alike_people() -> Constants:
    """Constants of a world whose people differ little, so that popularity is harder to beat."""
    usual = Choices()

    def weaker(weights: Weights) -> Weights:
        return weights._replace(**{name: getattr(weights, name) / 4 for name in PERSONAL})

    return Constants(
        choices=usual._replace(
            click=weaker(usual.click), join=weaker(usual.join), stay=weaker(usual.stay)
        )
    )


def print_tables(found: list[dict[str, Any]]) -> None:
    """A line for each number of successes, and one for each candidate rule, by kind of world."""
    trained = [one for one in found if one["model"] is not None]
    usual = [one for one in trained if one["seed"] != ALIKE]
    for title, some in (
        ("usual worlds", usual),
        ("people alike", [one for one in trained if one["seed"] == ALIKE]),
    ):
        print(
            f"\n| {title}: successes | trainings | better | clearly | clearly worse | gain: least"
        )
        for low, high in pairwise(BINS):
            print_line(f"{low:,} to {high:,}", [o for o in some if low <= o["joins"] < high])
    print("\n| rule | worlds | first model clearly better | gate | hours until then |")
    for successes, hours in ((75, 3), (75, 24), (300, 24), (300, 48), (1000, 24)):
        first = first_by_world(usual, successes, hours)
        waited = [one["hours"] for one in first]
        print(
            f"| {successes} successes, {hours} h | {len(first)} | {clear(first)} | {passed(first)} "
            f"| {min(waited)} to {max(waited)}, half by {np.median(waited):.0f} |"
        )
    print(f"\n{sum(one['cpu_s'] for one in found):.0f} s of processor time")


def print_line(title: str, some: list[dict[str, Any]]) -> None:
    """A line about some trainings."""
    if not some:
        return
    gains = [one["gain"]["value"] for one in some]
    print(
        f"| {title} | {len(some)} | {sum(gain > 0 for gain in gains)} | {clear(some)} "
        f"| {sum(one['gain']['high'] < 0 for one in some)} | {min(gains):+.3f} "
        f"| of the oracle's lift {np.median([lift(one) for one in some]):.0%} "
        f"| above popularity of 1 h {sum(one['model'] > one['served'] for one in some)} "
        f"| gate {passed(some)} |"
    )


def first_by_world(
    trained: list[dict[str, Any]], successes: int, hours: int
) -> list[dict[str, Any]]:
    """The first training of each world that a rule would have made."""
    first: dict[tuple[int, int], dict[str, Any]] = {}
    for one in trained:
        if one["joins"] >= successes and one["hours"] >= hours:
            first.setdefault((one["people"], one["seed"]), one)
    return list(first.values())


def clear(some: list[dict[str, Any]]) -> int:
    """Models whose 95 % interval is above the best heuristic."""
    return sum(one["gain"]["low"] > 0 for one in some)


def passed(some: list[dict[str, Any]]) -> int:
    """Models that `liverank train` would have stored, by its own holdout lists."""
    return sum(one["gate"] for one in some)


def lift(one: dict[str, Any]) -> float:
    """The share of the oracle's lift over the best heuristic."""
    return float((one["model"] - one["heuristic"]) / (one["oracle"] - one["heuristic"]))


if __name__ == "__main__":
    main()
