"""Off-policy estimates held against the truth of simulated worlds.

Every list of a world is served in random order, with its propensities. From that log is estimated
what two other policies would bring: the server's own popularity, and an oracle that ranks by the
true chance of a join. The truth comes from letting the same people react to those policies' lists
at the same moments, several times over.

Leans: against us. People of these worlds stop once they joined a room, so what an item brings does
depend on those above it, which the item-position form denies.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.explored import ExploredLists, ListQuery, find_exploration
from liverank.autopilot.gather import look_at
from liverank.autopilot.policy_estimate import Form, estimate_policy
from liverank.autopilot.replayed_policy import policy_scores, popular_policy
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import Event, Ranking
from liverank.events.frame import frame_of
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.spec import derive_spec
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play
from liverank.simulator.truth import true_scores
from liverank.simulator.world.world import World, build_world

DAYS, SHOWN = 3, 20


class Noted(RandomOrder):
    """Random order that remembers the candidates of each list."""

    def __init__(self, world: World, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        self.candidates: dict[tuple[str, int], list[str]] = {}

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live, shuffled."""
        lists = super().rank(visits)
        for user, items in zip(visits.users, lists, strict=True):
            self.candidates[user, visits.at_ms] = sorted(items)
        return lists

    def told(self, event: Event) -> Event:
        """The event, with candidates and propensities if it is a ranking."""
        if not isinstance(event, Ranking):
            return event
        known = self.candidates[event.user, event.at_ms]
        chances = [1 / len(known)] * len(event.items)
        return msgspec.structs.replace(event, candidates=known, propensities=chances)


class Again:
    """Goes through a life once more, and asks at each visit what other lists would bring."""

    def __init__(self, life: Life, explored: ExploredLists, scores: NDArray[np.float64]) -> None:
        lists = explored.lists
        items = dict(
            zip(hash_ids(life.world.rooms.ids).tolist(), life.world.rooms.ids, strict=True)
        )
        self._life = life
        self._lists: dict[tuple[int, int], list[str]] = {}
        for row in range(len(lists)):
            part = slice(*lists.reads.offsets[row : row + 2])
            order = np.argsort(-scores[part], kind="stable")[:SHOWN]
            key = int(lists.reads.user[row]), int(lists.reads.at[row])
            self._lists[key] = [items[item] for item in lists.reads.items[part][order].tolist()]

    def joined(self, places: int, draws: int, policy: RandomOrder) -> tuple[float, float]:
        """Joins in the first places of a list, and the standard error of that."""
        found: list[int] = []
        while not self._life.is_over:
            visits = self._life.step().visits
            keys = [(hash_id(user), visits.at_ms) for user in visits.users]
            known = [key in self._lists for key in keys]
            lists = [self._lists.get(key, []) for key in keys]
            for draw in range(draws if any(known) else 0):
                joins = self._life.imagined_joins(visits, lists, seed=draw)
                found += [
                    item in items[:places]
                    for item, items, is_known in zip(joins, lists, known, strict=True)
                    if is_known
                ]
            self._life.react(visits, policy.rank(visits))
        return float(np.mean(found)), float(np.std(found) / np.sqrt(len(found)))


def world_figures(seed: int, people: int, wanted: Sequence[int], draws: int) -> dict[str, Any]:
    """Estimates and truths of one world."""
    world = build_world(seed, people=people, days=DAYS)
    policy, life = Noted(world, seed=seed), Life(world, seed=seed, record_chances=True)
    events = [policy.told(event) for event in play(life, policy)]
    frame = frame_of(events).with_columns(seq=pl.int_range(1, len(events) + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))

    def frames() -> list[pl.DataFrame]:
        return [frame]

    layout = derive_spec(look_at(frames, config), config).layout
    asked = ListQuery(next(iter(config.heads)))
    explored = find_exploration(frames, config, asked).lists(frames, layout, config)
    scores = {
        "popular": policy_scores(frames, popular_policy(layout), explored.lists, config),
        "oracle": true_scores(life, explored.lists),
    }
    found: dict[str, Any] = {
        "lists": len(explored.lists),
        "candidates": float(explored.lists.sizes.mean()),
    }
    forms: tuple[Form, ...] = ("item_position", "cascade")
    for (name, of_policy), places in itertools.product(scores.items(), wanted):
        again = Again(Life(world, seed=seed), explored, of_policy)
        truth, error = again.joined(places, draws, RandomOrder(world, seed=seed))
        case: dict[str, Any] = {"truth": truth, "error": error}
        found[f"{name}, {places} places"] = case
        for form in forms:
            try:
                estimate = estimate_policy(explored, of_policy, positions=places, form=form)
            except DatasetError as refused:
                case[form] = str(refused)
            else:
                case[form] = {
                    way: (getattr(estimate, way).value, *getattr(estimate, way).ci)
                    for way in ("dr", "snips", "ips", "logged")
                }
    return found


def main() -> None:
    """Print the truth and the estimates of each world and policy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--people", type=int, default=3_000, help="of each world")
    parser.add_argument("--places", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--draws", type=int, default=3, help="reactions to each list")
    arguments = parser.parse_args()
    figures = {}
    for seed in range(arguments.worlds):
        found = world_figures(seed, arguments.people, arguments.places, arguments.draws)
        figures[str(seed)] = found
        print(
            f"world {seed}: {found['lists']:,} random lists of {found['candidates']:.0f} "
            "candidates; joins in the first places of a list"
        )
        for name, of_policy in found.items():
            if not isinstance(of_policy, dict):
                continue
            print(f"  {name}: truth {of_policy['truth']:.4f} +- {of_policy['error']:.4f}")
            for form in ("item_position", "cascade"):
                said = of_policy[form]
                if isinstance(said, str):
                    print(f"    {form}: {said}")
                    continue
                for way, (value, low, high) in said.items():
                    print(f"    {form} {way:7} {value:.4f} ({low:.4f} to {high:.4f})")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
