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

from liverank.autopilot.explored import Asked, ExploredLists, find_exploration
from liverank.autopilot.gather import look_at
from liverank.autopilot.policy_estimate import Form, estimate_policy
from liverank.autopilot.replayed_policy import policy_scores, popular_policy
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.events.profile import profile_events
from liverank.events.proposal import propose_config
from liverank.features.hashing import hash_ids
from liverank.features.spec import derive_spec
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.policies import RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.truth import true_scores
from liverank.simulator.visit import react
from liverank.simulator.world import World, build_world

DAYS, SHOWN = 3, 20


class Noted(RandomOrder):
    """Random order that remembers the candidates of each list."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.candidates: dict[tuple[str, int], list[str]] = {}

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> list[str]:
        """The candidates, shuffled."""
        self.candidates[user, at_ms] = list(candidates)
        return super().rank(user, candidates, at_ms)

    def told(self, event: Event) -> Event:
        """The event, with candidates and propensities if it is a ranking."""
        if not isinstance(event, Ranking):
            return event
        known = self.candidates[event.user, event.at_ms]
        chances = [1 / len(known)] * len(event.items)
        return msgspec.structs.replace(event, candidates=known, propensities=chances)


def true_value(
    world: World,
    chronicle: Chronicle,
    explored: ExploredLists,
    scores: NDArray[np.float64],
    *,
    places: int,
    draws: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Joins in the first places of a list ranked by scores, and the standard error of that."""
    lists = explored.lists
    room_of = dict(
        zip(hash_ids(list(world.rooms.ids)).tolist(), range(len(world.rooms.ids)), strict=True)
    )
    person_of = dict(
        zip(hash_ids(list(world.people.ids)).tolist(), range(len(world.people.ids)), strict=True)
    )
    found = []
    for row in range(len(lists)):
        part = slice(*lists.reads.offsets[row : row + 2])
        order = np.lexsort((rng.random(part.stop - part.start), -scores[part]))[:SHOWN]
        shown = np.array([room_of[item] for item in lists.reads.items[part][order].tolist()])
        first = {world.rooms.ids[room] for room in shown[:places].tolist()}
        for _ in range(draws):
            events = react(
                world,
                chronicle,
                rng,
                person=person_of[int(lists.reads.user[row])],
                shown=shown,
                at_ms=int(lists.reads.at[row]),
                ranking="again",
            )
            joins = [one for one in events if isinstance(one, Interaction) and one.type == "join"]
            found.append(sum(join.item in first for join in joins))
    return float(np.mean(found)), float(np.std(found) / np.sqrt(len(found)))


def world_figures(seed: int, people: int, wanted: Sequence[int], draws: int) -> dict[str, Any]:
    """Estimates and truths of one world."""
    world = build_world(seed, people=people, days=DAYS)
    policy, chronicle = Noted(seed=seed), Chronicle(world)
    events = [policy.told(event) for event in simulate(world, policy=policy, seed=seed)]
    for event in events:
        chronicle.observe(event)
    frame = frame_of(events).with_columns(seq=pl.int_range(1, len(events) + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))

    def frames() -> list[pl.DataFrame]:
        return [frame]

    layout = derive_spec(look_at(frames, config), config).layout
    asked = Asked(next(iter(config.heads)))
    explored = find_exploration(frames, config, asked).lists(frames, layout, config)
    scores = {
        "popular": policy_scores(frames, popular_policy(layout), explored.lists, config),
        "oracle": true_scores(world, explored.lists, chronicle),
    }
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {
        "lists": len(explored.lists),
        "candidates": float(explored.lists.sizes.mean()),
    }
    forms: tuple[Form, ...] = ("item_position", "cascade")
    for (name, of_policy), places in itertools.product(scores.items(), wanted):
        truth, error = true_value(
            world, chronicle, explored, of_policy, places=places, draws=draws, rng=rng
        )
        case: dict[str, Any] = {"truth": truth, "error": error}
        found[f"{name}, {places} places"] = case
        for form in forms:
            try:
                estimate = estimate_policy(explored, of_policy, places=places, form=form)
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
