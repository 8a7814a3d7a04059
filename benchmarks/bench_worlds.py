"""What `liverank backtest` finds in made worlds with a known truth, by how lists were logged.

What people did favours what stood first when they did it, and models that repeat the places of the
past. So each model is judged by the true chance of a join of every item: NDCG@10 of true chances,
over lists, with a 95 % interval of its difference to the best heuristic, drawn over people. Lists
were logged by recent joins (much or little shaken), at random, or by the newest start.

With ``--all-live`` the model that learned from what was shown also ranks every room that was live
when each list was made: what a product asks of it that lets it rank all there is.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from liverank.autopilot.backtest import ORACLE, TRUE, Backtest, run_backtest
from liverank.autopilot.gate import MODEL
from liverank.autopilot.gather import lists_to_test
from liverank.config import Config, parse_config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.metrics import mean_over_lists, true_ndcg_at
from liverank.dataset.popularity import popularity_scores
from liverank.dataset.replay import replay
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.features.hashing import hash_ids
from liverank.features.stream.ragged import offsets_of
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.portrait import live_rooms
from liverank.simulator.simulate import play
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world.world import DAY_MS, World, build_world

TEST_SHARE = 0.3


class Newest:
    """By the newest start first, as many products begin."""

    def __init__(self, world: World) -> None:
        self._world = world

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live, in the opposite order of their starts."""
        items = [self._world.rooms.ids[room] for room in visits.live[::-1].tolist()]
        return [items] * len(visits)

    def observe(self, events: Sequence[Event]) -> None:
        """Nothing to learn."""


def policies() -> dict[str, Callable[[World], Policy]]:
    """Ways to log lists, by name."""
    return {
        "popular, shaken": lambda world: MostPopular(world, spread=1.0, seed=4),
        "popular, little shaken": lambda world: MostPopular(world, spread=0.3, seed=5),
        "at random": lambda world: RandomOrder(world, seed=6),
        "newest first": Newest,
    }


def main() -> None:
    """Test in each world, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, default=1200)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--budget", default="20s", help="of each search")
    parser.add_argument("--shown", type=int, default=20, help="rooms in each list that is logged")
    parser.add_argument("--all-live", action="store_true", help="rank all live rooms as well")
    parser.add_argument("--off", nargs="*", default=[], help="patterns of features to do without")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    print(f"{'lists logged':<24}{'heuristic':>11}{'model':>9}{'oracle':>9}{'of lift':>9}  features")
    for seed, (name, policy_of) in enumerate(policies().items(), 4):
        found = tested(seed, policy_of, arguments)
        figures[name] = found
        print(
            f"{name:<24}{found['heuristic']:>11.4f}{found['model']:>9.4f}{found['oracle']:>9.4f}"
            f"{found['lift']:>9.1%}  {found['features']}, model less heuristic "
            f"{found['low']:+.4f} to {found['high']:+.4f}",
            flush=True,
        )
        if "all_live" in found:
            live = found["all_live"]
            print(
                f"{'  all that is live':<24}{live['heuristic']:>11.4f}{live['model']:>9.4f}"
                f"{1:>9.4f}{live['lift']:>9.1%}  {live['rooms']:.1f} rooms a list",
                flush=True,
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def tested(
    seed: int, policy_of: Callable[[World], Policy], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Figures by the truth of one world."""
    days = arguments.days
    world = build_world(seed, people=arguments.people, days=days)
    life = Life(world, seed=seed, shown=arguments.shown, record_chances=True)
    events = play(life, policy_of(world), shown=arguments.shown)
    frame = in_import_order(frame_of(list(events)))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))
    config = msgspec.structs.replace(
        config,
        training=msgspec.structs.replace(config.training, budget=arguments.budget),
        features=msgspec.structs.replace(config.features, off=tuple(arguments.off)),
    )
    until_ms = world.start_ms + days * DAY_MS
    test_from_ms = until_ms - int(TEST_SHARE * days * DAY_MS)
    found = run_backtest(
        lambda: frame.iter_slices(262_144),
        config,
        test_from_ms=test_from_ms,
        truth=lambda lists: true_scores(life, lists),
    )
    model, heuristic, oracle = (
        float(found.methods[name][TRUE] or 0.0) for name in (MODEL, found.best_heuristic, ORACLE)
    )
    whole = {}
    if arguments.all_live:
        whole["all_live"] = of_all_live(life, frame, config, found, test_from_ms)
    return whole | {
        "heuristic": heuristic,
        "model": model,
        "oracle": oracle,
        "lift": captured_lift(model, heuristic, oracle) or 0.0,
        "low": found.differences[TRUE]["low"],
        "high": found.differences[TRUE]["high"],
        "features": len(found.trained.spec.names),
        "log_loss": found.methods[MODEL]["log_loss"],
    }


def of_all_live(
    life: Life,
    frame: pl.DataFrame,
    config: Config,
    found: Backtest,
    test_from_ms: int,
) -> dict[str, float]:
    """The same figures where every live room is ranked at the moments of the test's lists."""
    spec = found.trained.spec
    frames = lambda: frame.iter_slices(262_144)  # noqa: E731
    shown = lists_to_test(frames, spec.layout, config, from_ms=test_from_ms)
    some = np.zeros(len(shown), np.bool_)
    some[np.linspace(0, len(shown) - 1, min(len(shown), 800)).astype(int)] = True
    reads = shown.take(some).reads
    rooms = [live_rooms(life.world, int(at) - 1) for at in reads.at]
    offsets = offsets_of(np.array([len(each) for each in rooms]))
    items = hash_ids([room for each in rooms for room in each])
    reads = replace(reads, offsets=offsets, items=items, positions=np.zeros(len(items)))
    seen = np.ones(len(items), np.bool_)
    lists = Lists(reads, np.zeros(len(items), np.uint8), seen, seen, reads.at)
    scores = {"model": np.empty(len(items))}
    for chunk in replay(frames(), spec, reads, max_future_ms=300_000.0):
        scores["model"][chunk.rows] = found.trained.model.answers(chunk.features)
    scores |= popularity_scores(frames(), lists, spec.layout, config)
    truth = true_scores(life, lists)
    reached = {
        name: mean_over_lists(true_ndcg_at(10, values, truth, offsets))
        for name, values in scores.items()
    }
    model = reached.pop("model")
    heuristic = max(reached.values())
    return {
        "heuristic": heuristic,
        "model": model,
        "lift": captured_lift(model, heuristic, 1.0) or 0.0,
        "rooms": float(np.diff(offsets).mean()),
    }


if __name__ == "__main__":
    main()
