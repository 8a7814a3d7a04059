"""``liverank simulate run``: simulate a generated world, and keep its events as a project."""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.cli.project.clock import now_ms
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config
from liverank.errors import SimulatorError
from liverank.events.event import Event
from liverank.events.log import Log
from liverank.simulator.life.life import Life
from liverank.simulator.life.tally import Tally
from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular, SuccessRate
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.server.drive import drive
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.project import make_project
from liverank.simulator.server.served_policy import ServedPolicy
from liverank.simulator.simulate import play, write_events
from liverank.simulator.world.world import DAY_MS, START_MS, World, build_world

HELP = "simulate a generated world, and keep its events as a project"

_MINUTE_MS = 60_000
SERVED = "served"
"""The policy that is a real ``liverank serve --simulated``."""
_IN_PROCESS: dict[str, Callable[[Life, int], Policy]] = {
    "popular": lambda life, _seed: MostPopular(life.world),
    "popular-5m": lambda life, _seed: MostPopular(life.world, half_life_ms=5 * _MINUTE_MS),
    "popular-1d": lambda life, _seed: MostPopular(life.world, half_life_ms=1440 * _MINUTE_MS),
    "success-rate": lambda life, _seed: SuccessRate(life.world),
    "random": lambda life, seed: RandomOrder(life.world, seed=seed),
    "oracle": lambda life, _seed: Oracle(life),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--people", type=int, default=1000, metavar="N", help="default: 1000")
    parser.add_argument("--days", type=int, default=7, metavar="D", help="default: 7")
    parser.add_argument(
        "--seed", type=int, default=1, help="another number, another world (default: 1)"
    )
    parser.add_argument(
        "--start",
        type=moment_ms,
        default=START_MS,
        metavar="TIME",
        help="when the world begins: RFC 3339 or Unix milliseconds (default: 2024-01-01)",
    )
    parser.add_argument(
        "--until-now", action="store_true", help="end the world now; ignores --start"
    )
    parser.add_argument(
        "--policy",
        choices=(*_IN_PROCESS, SERVED),
        default="popular",
        help="what ranks the lists; served: a real server over HTTP (default: popular)",
    )
    parser.add_argument(
        "--step", type=float, default=60.0, metavar="S", help="seconds of a step (default: 60)"
    )
    parser.add_argument(
        "--shown", type=int, default=20, metavar="N", help="items of a list (default: 20)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder for the project"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Generate a world and simulate it. Raises SimulatorError, ServingError, LogError."""
    began_s = time.perf_counter()
    folder: Path = arguments.out
    with console.status("Generating a world"):
        world = build_world(
            arguments.seed,
            people=arguments.people,
            days=arguments.days,
            start_ms=_start_ms(arguments),
        )
        life = Life(
            world,
            seed=arguments.seed,
            step_ms=round(1000 * arguments.step),
            shown=arguments.shown,
        )
        config = make_project(folder, seed=arguments.seed)
    lived_s = time.perf_counter()
    with stage_progress(console) as on_progress:
        progress = _Progress(world, on_progress)
        if arguments.policy == SERVED:
            events, fallbacks = _serve(life, folder, arguments.shown, progress)
        else:
            policy = _IN_PROCESS[arguments.policy](life, arguments.seed)
            lines = progress.passing(play(life, policy, shown=arguments.shown))
            events, fallbacks = write_events(folder / "events.jsonl", lines), None
    ended_s = time.perf_counter()
    lived = _summary(life.tally)
    _show(world, lived, events, ended_s - lived_s, console)
    if arguments.policy == SERVED:
        console.print(
            f"The log is in {folder}: try `liverank train --config {config}`", soft_wrap=True
        )
    else:
        console.print(
            f"Next: `liverank ingest {folder / 'events.jsonl'} --config {config}`", soft_wrap=True
        )
    return {
        "ok": True,
        "folder": str(folder),
        "policy": arguments.policy,
        "people": arguments.people,
        "days": arguments.days,
        "seed": arguments.seed,
        "events": events,
        "fallbacks": fallbacks,
        **lived,
        "visits_per_second": round(lived["visits"] / (ended_s - lived_s), 1),
        "seconds": round(ended_s - began_s, 3),
    }


@dataclass(frozen=True)
class _Progress:
    """Shows the share of a world's time that has passed."""

    world: World
    on_progress: Callable[[str, float], None]

    def at(self, at_ms: int, _visits: int = 0) -> None:
        """Show that the world has reached this time."""
        days = (at_ms - self.world.start_ms) / 86_400_000
        self.on_progress("simulating", days / self.world.days)

    def passing(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield the events, and show their progress."""
        for number, event in enumerate(events):
            if number % 5_000 == 0:
                self.at(event.at_ms)
            yield event
        self.on_progress("simulating", 1.0)


def _start_ms(arguments: argparse.Namespace) -> int:
    days_ms: int = arguments.days * DAY_MS
    return now_ms() - days_ms if arguments.until_now else int(arguments.start)


def _serve(life: Life, folder: Path, shown: int, progress: _Progress) -> tuple[int, int]:
    """Simulate with a real server; return the numbers of events and of lists by a fallback."""
    config = load_config(folder / "liverank.toml")
    with (
        simulated_server(folder) as address,
        ServedPolicy(address, shown=shown) as policy,
    ):
        policy.observe(life.introduction())
        drive(life, policy, on_step=progress.at)
        fallbacks = policy.fallbacks
    with Log.open(folder / config.path / "log") as log:
        return log.stats().rows, fallbacks


def _summary(tally: Tally) -> dict[str, Any]:
    """Totals of the world's visits and reactions."""
    visits, joins, impressions = (
        int(one.sum()) for one in (tally.visits, tally.joins, tally.impressions)
    )
    return {
        "visits": visits,
        "impressions": impressions,
        "clicks": int(tally.clicks.sum()),
        "joins": joins,
        "joins_per_impression": joins / impressions if impressions else None,
        "daily_active": float((tally.joins > 0).mean()),
        "hours_listened": round(float(tally.seconds.sum()) / 3600, 1),
    }


def _show(
    world: World, lived: dict[str, Any], events: int, seconds: float, console: Console
) -> None:
    if not lived["visits"]:
        raise SimulatorError("no user visited this world; use more --people or --days")
    console.print(
        f"{len(world.people.ids):,} people, {len(world.rooms.ids):,} rooms, {world.days} days: "
        f"{lived['visits']:,} lists, {lived['impressions']:,} impressions, {lived['clicks']:,} "
        f"clicks, {lived['joins']:,} joins, {lived['hours_listened']:,} hours listened; on a day "
        f"{lived['daily_active']:.1%} join a room. {events:,} events in {seconds:.0f} s, "
        f"{lived['visits'] / seconds:,.0f} lists a second",
        soft_wrap=True,
    )
