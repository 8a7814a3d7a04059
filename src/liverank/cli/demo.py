"""``liverank demo``: the whole loop on a small generated world, with the commands that anyone has.

Invariant: nothing here does what a command does; it runs the commands, and shows what they gave.
"""

import argparse
import importlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank import cli
from liverank.autopilot.backtest import ORACLE, TRUE, Backtest, run_backtest
from liverank.autopilot.judging import MODEL
from liverank.cli.backtest import backtest_table
from liverank.cli.clock import now_ms
from liverank.cli.demo_lists import lists_table, shown_rooms
from liverank.cli.history import open_history
from liverank.cli.progress import stage_progress
from liverank.config import load_config
from liverank.errors import SimulatorError
from liverank.serving.http.messages import RankRequest, RankResponse
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.portrait import live_rooms, unlike_people
from liverank.simulator.server.own_server import own_server, post
from liverank.simulator.simulate import SURFACE, play, write_events
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world.world import DAY_MS, World, build_world

HELP = "a small generated world, from events to ranked lists and a backtest"

SHOWN_PEOPLE = 3
LIST_ITEMS = 5
TEST_SHARE = 0.3
"""The newest share of the time, which the backtest tests on."""
_BUDGETS_S = 2, 20
"""Least and most seconds of a model search; each 8,000 events ask for one more."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--people", type=int, default=1500, metavar="N", help="default: 1500")
    parser.add_argument(
        "--days", type=int, default=5, metavar="D", help="days until now (default: 5)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="another number, another world (default: 1)"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep events, config, log and bundle in DIR"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Generate, init, ingest, train, serve, rank for three people, backtest."""
    started = time.monotonic()
    with _workplace(arguments.keep) as folder:
        demo = _generate(arguments, folder, console)
        config = str(demo.config)
        seen = _run(console, 2, "init", str(demo.events), "--out", config, quiet=True)
        console.print(f"Success is a {seen['label']}. Fields, typed by looking at them:")
        for entity, fields in seen["fields"].items():
            if fields:
                typed = ", ".join(f"{name} ({type_})" for name, type_ in fields.items())
                console.print(f"  {entity}: {typed}")
        with demo.config.open("a", encoding="utf-8") as lines:
            lines.write(_hurry(demo.number))
        _run(console, 3, "ingest", str(demo.events), "--config", config)
        trained = _run(console, 4, "train", "--config", config)
        if trained["bundle"] is None:
            console.print(f"{trained['error']}. Popularity ranks.", style="yellow", soft_wrap=True)
        people = _rank(demo, console)
        found = _backtest(demo, console)
    lift = _tell_lift(found, console)
    seconds = time.monotonic() - started
    if arguments.keep is not None:
        console.print(f"Kept in {folder}: try `liverank serve --config {config}`", soft_wrap=True)
    console.print(f"{seconds:.0f} s in all")
    return {
        "ok": True,
        "folder": None if arguments.keep is None else str(folder),
        "events": demo.number,
        "bundle": trained["bundle"],
        "people": people,
        "methods": found.methods,
        "best_heuristic": found.best_heuristic,
        "differences": found.differences,
        "captured_lift": lift,
        "seconds": round(seconds, 3),
    }


def _hurry(events: int) -> str:
    least, most = _BUDGETS_S
    budget = min(least + events // 8000, most)
    return (
        "\n# The demo is in a hurry; without this the search takes up to 2m.\n"
        f'[training]\nbudget = "{budget}s"\n'
    )


@dataclass(frozen=True)
class _Demo:
    """A generated world that ends now, and where its files are."""

    life: Life
    number: int  # of events
    events: Path
    config: Path

    @property
    def world(self) -> World:
        """The world that the life is of."""
        return self.life.world

    @property
    def until_ms(self) -> int:
        """When the life ends: now."""
        return self.life.until_ms


@contextmanager
def _workplace(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="liverank-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise SimulatorError(f"{keep}: cannot be a folder to keep: {error.strerror}") from None
    if used:
        raise SimulatorError(f"{keep}: is not empty; give --keep a new folder")
    yield keep


def _generate(arguments: argparse.Namespace, folder: Path, console: Console) -> _Demo:
    """Step 1: a world whose last moment is now, and its events in a file."""
    until_ms = now_ms()
    with console.status("Generating a world"):
        world = build_world(
            arguments.seed,
            people=arguments.people,
            days=arguments.days,
            start_ms=until_ms - arguments.days * DAY_MS,
        )
        life = Life(world, seed=arguments.seed, record_chances=True)
        policy = MostPopular(world, spread=1.0, seed=arguments.seed)
        number = write_events(folder / "events.jsonl", play(life, policy))
    _announce(console, 1, "a world of people with tastes, and rooms that start and end")
    console.print(
        f"{arguments.people:,} people and {len(world.rooms.ids):,} rooms in {arguments.days} days "
        f"until now; {len(live_rooms(world, until_ms))} rooms are live. They were shown by recent "
        f"joins, shaken a little.\n{number:,} events in {folder / 'events.jsonl'}",
        soft_wrap=True,
    )
    return _Demo(life, number, folder / "events.jsonl", folder / "liverank.toml")


def _rank(demo: _Demo, console: Console) -> list[dict[str, Any]]:
    """Step 5: a real server, and the same question to it for people who are unlike each other."""
    people = unlike_people(demo.life, number=SHOWN_PEOPLE)
    _announce(console, 5, f"liverank serve --config {demo.config} --port 0")
    with own_server(demo.config) as address:
        console.print(f"POST {address}/v1/rank for {', '.join(who.user for who in people)}")
        lists = []
        for person in people:
            request = RankRequest(user=person.user, surface=SURFACE, limit=LIST_ITEMS, explain=True)
            answer = post(f"{address}/v1/rank", msgspec.json.encode(request))
            response = msgspec.json.decode(answer, type=RankResponse)
            lists.append(shown_rooms(demo.life, person.user, response))
    console.print(lists_table(people, lists), width=min(console.width, 100))
    joins = demo.life.tally.joins.sum(axis=1)
    return [
        {
            **msgspec.to_builtins(person),
            "joins": int(joins[demo.world.person_of[person.user]]),
            "items": rooms,
        }
        for person, rooms in zip(people, lists, strict=True)
    ]


def _backtest(demo: _Demo, console: Console) -> Backtest:
    """Step 6: what ``liverank backtest`` does, with the truth in a row of its own."""
    days = (demo.until_ms - demo.world.start_ms) / DAY_MS
    test_from_ms = demo.until_ms - int(TEST_SHARE * days * DAY_MS)
    since = datetime.fromtimestamp(test_from_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
    words = ("backtest", "--config", str(demo.config), "--test-from", since)
    _announce(console, 6, f"liverank {' '.join(words)}")
    arguments = cli.build_parser(words[:1]).parse_args(words)
    config = load_config(demo.config)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        found = run_backtest(
            frames,
            config,
            test_from_ms=arguments.test_from,
            on_progress=on_progress,
            truth=lambda lists: true_scores(demo.life, lists),
        )
    console.print(backtest_table(found), width=min(console.width, 100))
    return found


def _tell_lift(found: Backtest, console: Console) -> float | None:
    """One honest line: how much of what there was to gain was gained."""
    model, heuristic, oracle = (
        float(found.methods[name][TRUE] or 0.0) for name in (MODEL, found.best_heuristic, ORACLE)
    )
    lift = captured_lift(model, heuristic, oracle)
    share = "there was nothing to gain" if lift is None else f"the model has {lift:.0%}"
    console.print(
        f"[bold]{TRUE}: {found.best_heuristic} {heuristic:.3f}, model {model:.3f}, oracle "
        f"{oracle:.3f}. Of what the truth could gain over the best heuristic, {share}.[/]",
        soft_wrap=True,
    )
    return lift


def _run(console: Console, step: int, *words: str, quiet: bool = False) -> dict[str, Any]:
    """Run one of the commands, in this process, as it was typed."""
    _announce(console, step, f"liverank {' '.join(words)}")
    command = importlib.import_module(f"liverank.cli.{words[0]}")
    listener = Console(quiet=True) if quiet else console
    result: dict[str, Any] = command.run(cli.build_parser(words[:1]).parse_args(words), listener)
    return result


def _announce(console: Console, step: int, what: str) -> None:
    console.print(f"\n[bold cyan]{step} of 6[/] [bold]{what}[/]", soft_wrap=True)
