"""What `liverank backtest` finds in made worlds with a known truth, by how lists were logged.

What people did favours what stood first when they did it, and models that repeat the places of the
past. So each model is judged by the true chance of a join of every item: NDCG@10 of true chances,
over lists, with a 95 % interval of its difference to the best heuristic, drawn over people. Lists
were logged by recent joins (much or little shaken), at random, or by the newest start.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from liverank.autopilot.backtest import ORACLE, TRUE, run_backtest
from liverank.autopilot.judging import MODEL
from liverank.config import parse_config
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.events.profile import profile_events
from liverank.events.proposal import propose_config
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.policies import MostPopular, Policy, RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world import DAY_MS, build_world

TEST_SHARE = 0.3


class Newest:
    """By the newest start first, as many products begin."""

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> list[str]:  # noqa: ARG002
        """The candidates, in the opposite order of their starts."""
        return list(candidates)[::-1]

    def observe(self, event: Event) -> None:
        """Nothing to learn."""


def policies() -> dict[str, Policy]:
    """Ways to log lists, by name."""
    return {
        "popular, shaken": MostPopular(spread=1.0, seed=4),
        "popular, little shaken": MostPopular(spread=0.3, seed=5),
        "at random": RandomOrder(seed=6),
        "newest first": Newest(),
    }


def main() -> None:
    """Test in each world, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, default=1200)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--budget", default="20s", help="of each search")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    print(f"{'lists logged':<24}{'heuristic':>11}{'model':>9}{'oracle':>9}{'of lift':>9}  features")
    for seed, (name, policy) in enumerate(policies().items(), 4):
        found = tested(seed, policy, arguments.people, arguments.days, arguments.budget)
        figures[name] = found
        print(
            f"{name:<24}{found['heuristic']:>11.4f}{found['model']:>9.4f}{found['oracle']:>9.4f}"
            f"{found['lift']:>9.1%}  {found['features']}, model less heuristic "
            f"{found['low']:+.4f} to {found['high']:+.4f}",
            flush=True,
        )
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def tested(seed: int, policy: Policy, people: int, days: int, budget: str) -> dict[str, Any]:
    """Figures by the truth of one world."""
    world = build_world(seed, people=people, days=days)
    chronicle = Chronicle(world)
    events = []
    for event in simulate(world, policy=policy, seed=seed):
        chronicle.observe(event)
        events.append(event)
    frame = in_import_order(frame_of(events))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))
    config = msgspec.structs.replace(
        config, training=msgspec.structs.replace(config.training, budget=budget)
    )
    until_ms = world.start_ms + days * DAY_MS
    found = run_backtest(
        lambda: frame.iter_slices(262_144),
        config,
        test_from_ms=until_ms - int(TEST_SHARE * days * DAY_MS),
        truth=lambda lists: true_scores(world, lists, chronicle),
    )
    model, heuristic, oracle = (
        float(found.methods[name][TRUE] or 0.0) for name in (MODEL, found.best_heuristic, ORACLE)
    )
    return {
        "heuristic": heuristic,
        "model": model,
        "oracle": oracle,
        "lift": captured_lift(model, heuristic, oracle) or 0.0,
        "low": found.differences[TRUE]["low"],
        "high": found.differences[TRUE]["high"],
        "features": len(found.trained.spec.names),
        "log_loss": found.methods[MODEL]["log_loss"],
    }


if __name__ == "__main__":
    main()
