"""What the simulated world looks like, and how far results depend on each of its free constants.

A constant that neither a source nor a fit gives is varied over a range, alone, with all others at
their defaults; docs/world.md shows the table. Leans: a policy that orders well at the defaults
could do so by luck of a constant, which this table would show.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular, SuccessRate
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play, write_events
from liverank.simulator.world.constants import Constants
from liverank.simulator.world.rooms import live_now
from liverank.simulator.world.world import DAY_MS, World, build_world

POLICIES: dict[str, Callable[[Life], Policy]] = {
    "random": lambda life: RandomOrder(life.world, seed=1),
    "popular": lambda life: MostPopular(life.world),
    "oracle": Oracle,
}
HEURISTICS: dict[str, Callable[[Life], Policy]] = {
    "popular 5m": lambda life: MostPopular(life.world, half_life_ms=300_000),
    "popular 1h": POLICIES["popular"],
    "popular 1d": lambda life: MostPopular(life.world, half_life_ms=DAY_MS),
    "success rate": lambda life: SuccessRate(life.world, half_life_ms=DAY_MS),
}
RANGES: dict[str, tuple[float, float]] = {
    "people.topic_concentration": (1.2, 4.8),
    "people.second_english": (0.1, 0.6),
    "people.eagerness_sd": (0.0, 1.0),
    "people.patience_scale": (1.5, 7.0),
    "people.visits_scale": (1.3, 5.2),
    "people.off_peak": (0.1, 0.6),
    "people.weekend": (0.8, 1.5),
    "graph.hosts_log_mean": (0.5, 1.9),
    "graph.fame_tail": (1.1, 2.0),
    "graph.same_circle": (0.2, 0.7),
    "rooms.unplanned_log_mean": (0.0, 1.2),
    "rooms.slots_mean": (1.0, 8.0),
    "rooms.median_min": (20.0, 80.0),
    "choices.click.base": (-3.6, -2.2),
    "choices.click.taste": (0.45, 1.35),
    "choices.click.liking": (0.0, 0.9),
    "choices.click.language": (-4.0, -1.0),
    "choices.click.wording": (0.0, 0.7),
    "choices.click.fame": (0.0, 0.7),
    "choices.click.followed": (0.5, 2.0),
    "choices.click.company": (0.0, 1.8),
    "choices.click.listeners": (0.0, 0.4),
    "choices.click.tired_of_room": (-0.8, 0.0),
    "choices.click.tired_of_host": (-0.5, 0.0),
    "choices.join.base": (0.0, 1.8),
    "choices.join.taste": (0.0, 0.8),
    "choices.join.quality": (0.0, 1.6),
    "choices.join.liveliness": (0.0, 1.6),
    "choices.go_on": (0.2, 1.0),
    "choices.screen": (2, 8),
    "choices.stay_sd": (0.6, 1.6),
    "returns.mood_effect": (0.0, 1.6),
    "returns.mood_pace": (0.1, 0.5),
    "returns.friend_pull": (0.0, 0.08),
    "returns.host_pull": (0.0, 0.08),
}
"""Each free constant, with the least and the most that seem possible."""


class Size(NamedTuple):
    """Of a world, and of the steps that it lives in."""

    people: int
    days: int
    seed: int
    step_ms: int = 600_000


def changed(part: Any, path: str, value: float) -> Any:
    """The constants with another value at a path such as ``choices.click.base``."""
    first, _, rest = path.partition(".")
    inner = changed(getattr(part, first), rest, value) if rest else value
    if hasattr(part, "_replace"):
        return part._replace(**{first: inner})
    return replace(part, **{first: inner})


def lived(world: World, policy_of: Callable[[Life], Policy], size: Size) -> Life:
    """A life of the whole world with a policy."""
    life = Life(world, seed=size.seed, step_ms=size.step_ms)
    policy = policy_of(life)
    policy.observe(life.introduction())
    while not life.is_over:
        step = life.step()
        policy.observe(step.events)
        if len(step.visits):
            life.react(step.visits, policy.rank(step.visits))
    return life


def figures_of(life: Life) -> dict[str, float]:
    """What a life was like, in the figures of a product."""
    tally = life.tally
    visits, joins = int(tally.visits.sum()), max(int(tally.joins.sum()), 1)
    clicks, impressions = max(int(tally.clicks.sum()), 1), int(tally.impressions.sum())
    person_days = tally.visits.size
    return {
        "visits a person and day": visits / person_days,
        "impressions a visit": impressions / visits,
        "clicks an impression": clicks / impressions,
        "joins a click": joins / clicks,
        "joins an impression": joins / impressions,
        "joins a visit": joins / visits,
        "days with a join": float((tally.joins > 0).mean()),
        "minutes a person and day": float(tally.seconds.sum()) / 60 / person_days,
        "minutes a join": float(tally.seconds.sum()) / 60 / joins,
    }


def sensitivity(size: Size, only: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Joins an impression of each policy: at the defaults, then for each constant low and high."""
    yield "defaults", {"default": _rates(Constants(), size)}
    for path, (low, high) in RANGES.items():
        if only in path:
            yield (
                path,
                {
                    "low": {"value": low, **_rates(changed(Constants(), path, low), size)},
                    "high": {"value": high, **_rates(changed(Constants(), path, high), size)},
                },
            )


def _rates(constants: Constants, size: Size) -> dict[str, float]:
    hosts = size.people // 5  # so that a small world has as many live rooms as one of 2,000 people
    world = build_world(
        size.seed, people=size.people, hosts=hosts, days=size.days, constants=constants
    )
    lives = {name: lived(world, policy_of, size) for name, policy_of in POLICIES.items()}
    return {name: figures_of(life)["joins an impression"] for name, life in lives.items()}


def looks(size: Size) -> dict[str, dict[str, float]]:
    """The figures of a world under each policy, and what it is made of."""
    world = build_world(size.seed, people=size.people, days=size.days)
    found: dict[str, dict[str, float]] = {
        name: figures_of(lived(world, policy_of, size))
        for name, policy_of in {**POLICIES, **HEURISTICS}.items()
    }
    times = world.start_ms + np.arange(size.days * 24) * 3_600_000
    live = [int(live_now(world.rooms, int(at_ms)).sum()) for at_ms in times]
    minutes = (world.rooms.end_ms - world.rooms.start_ms) / 60_000
    followers = np.bincount(world.graph.target, minlength=len(world.people.ids))
    found["world"] = {
        "rooms live, mean": float(np.mean(live)),
        "rooms live, least": float(np.min(live)),
        "rooms live, most": float(np.max(live)),
        "rooms a day": len(world.rooms.ids) / size.days,
        "minutes of a room, median": float(np.median(minutes)),
        "minutes of a room, mean": float(np.mean(minutes)),
        "follows a person, mean": len(world.graph.target) / len(world.people.ids),
        "followers, tail index (Hill, first 2 %)": hill(followers, 0.02),
    }
    return found


def hill(values: np.ndarray, share: float) -> float:
    """The tail index of the largest share of some values (Hill 1975)."""
    ordered = np.sort(values)[::-1].astype(float)
    last = max(2, int(share * len(ordered)))
    return float(1 / np.mean(np.log(ordered[:last] / ordered[last])))


def scaled(people: list[int], days: int, folder: Path) -> Iterator[dict[str, float]]:
    """Seconds of processor time and memory to write a week's events, smallest world first."""
    for number in people:
        path = folder / "world.jsonl"
        began = time.process_time()
        world = build_world(1, people=number, days=days)
        built = time.process_time()
        events = write_events(path, play(Life(world, seed=1), MostPopular(world)))
        ended = time.process_time()
        size = path.stat().st_size
        path.unlink()
        yield {
            "people": number,
            "events": events,
            "build_s": built - began,
            "live_s": ended - built,
            "us_per_event": (ended - built) / events * 1e6,
            "gigabytes": size / 1e9,
            "most_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--constant", default="", help="vary those whose path holds this text")
    parser.add_argument("--looks", type=int, default=2000, help="people of the world to describe")
    parser.add_argument("--scale", type=int, nargs="*", default=[], help="numbers of people")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"looks": looks(Size(arguments.looks, 7, arguments.seed, 60_000))}
    for name, of in figures["looks"].items():
        print(f"{name}: " + ", ".join(f"{what} {value:.3f}" for what, value in of.items()))
    print(f"\n{'joins an impression':<30}{'value':>8}{'random':>9}{'popular':>9}{'oracle':>9}")
    for path, found in sensitivity(
        Size(arguments.people, arguments.days, arguments.seed), arguments.constant
    ):
        figures[path] = found
        for rates in found.values():
            value = rates.get("value", float("nan"))
            print(
                f"{path:<30}{value:>8.2f}{rates['random']:>9.4f}{rates['popular']:>9.4f}"
                f"{rates['oracle']:>9.4f}",
                flush=True,
            )
    figures["scale"] = []
    for row in scaled(sorted(arguments.scale), 7, Path()):
        figures["scale"].append(row)
        print(", ".join(f"{name} {value:,.1f}" for name, value in row.items()), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
