"""``liverank demo``: simulate an app, train on it, and show the gain in an A/B test.

Invariant: the package does not reimplement the product; it runs a proof and shows its results.
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.bundle import store
from liverank.cli.commands.demo.kept import kept_plan, show_kept
from liverank.cli.commands.demo.lists import Moment, config_for, lists_of, show_lists
from liverank.cli.commands.demo.load import measure_load, show_load_figures
from liverank.cli.commands.demo.stages import stage_lines
from liverank.cli.commands.demo.stay import commands_to_try, stay_up
from liverank.cli.commands.demo.table import lift_table
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import data_path
from liverank.config import load_config
from liverank.errors import SimulatorError
from liverank.proof.page.facts import LoadFigures, PageFacts, PersonLists
from liverank.proof.page.page import render_page
from liverank.proof.page.themes import themes_of
from liverank.proof.plan import Plan
from liverank.proof.results import ProofResult
from liverank.proof.run import run_proof
from liverank.proof.upkeep.results import UpkeepResult
from liverank.simulator.life.life import Life
from liverank.simulator.portrait import live_rooms, unlike_people
from liverank.simulator.server.own_server import own_server
from liverank.simulator.world.world import DAY_MS

HELP = "simulate a live-audio app, train on it, and show the gain in an A/B test"

PAGE = "demo.html"
_SHOWN_PEOPLE = 3
_STEPS = 4
"""Steps without the days that autopilot keeps."""
_MB = 1e6


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--people", type=int, default=700, metavar="N", help="default: 700")
    parser.add_argument(
        "--days",
        type=int,
        default=14,
        metavar="D",
        help="days on most popular, and then as many of the A/B test (default: 14)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="another number, another world (default: 1)"
    )
    parser.add_argument("--budget", default="20s", help="time to search for a model (default: 20s)")
    parser.add_argument(
        "--load", type=int, default=10, metavar="S", help="seconds of the load test (default: 10)"
    )
    parser.add_argument(
        "--kept-days",
        type=int,
        default=0,
        metavar="D",
        help="days that autopilot keeps a smaller app, 14 or more; takes minutes (default: none)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the project and the page in DIR"
    )
    parser.add_argument(
        "--stay", action="store_true", help="serve the project at the end, until Ctrl-C"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run a proof on one world, rank for three people, load the server, and write the page."""
    began_s = time.monotonic()
    with _workplace(arguments.keep) as folder:
        result, life = _prove(arguments, folder, console)
        config = Path(str(result.project)) / "liverank.toml"
        shown = _serve(arguments, config, (result, life), console)
        facts = _facts(result, life, shown, time.monotonic() - began_s)
        if arguments.keep is not None:
            commands = commands_to_try(config, shown.lists)
            facts = msgspec.structs.replace(facts, commands=commands)
        page = _write_page(facts, arguments.keep)
        _show(arguments, facts, page, console)
        kept = _keep(arguments, console)
        if arguments.stay:
            stay_up(config, shown.lists, console)
    return {
        "ok": True,
        "folder": None if arguments.keep is None else str(arguments.keep),
        "page": str(page),
        "result": msgspec.to_builtins(result),
        "people": msgspec.to_builtins(shown.lists),
        "load": msgspec.to_builtins(shown.load),
        "kept": None if kept is None else msgspec.to_builtins(kept),
        "seconds": round(time.monotonic() - began_s, 3),
    }


@dataclass(frozen=True)
class _Shown:
    """Lists and load figures of a server of the project."""

    lists: tuple[PersonLists, ...]
    load: LoadFigures | None


@contextmanager
def _workplace(keep: Path | None) -> Iterator[Path]:
    """The folder to work in: a new one to keep, or one that is removed at the end."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="liverank-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_used = any(keep.iterdir())
    except OSError as error:
        raise SimulatorError(f"{keep}: cannot be used as the folder: {error.strerror}") from None
    if is_used:
        raise SimulatorError(f"{keep}: is not empty; give --keep a new folder")
    yield keep


def _prove(
    arguments: argparse.Namespace, folder: Path, console: Console
) -> tuple[ProofResult, Life]:
    """Step 1: simulate the days before and of the A/B test, with training in between."""
    days = arguments.days
    plan = Plan(
        seed=arguments.seed,
        people=arguments.people,
        days_before=days,
        days_of_test=days,
        budget=arguments.budget,
        start_ms=now_ms() - 2 * days * DAY_MS,
    )
    _announce(
        arguments,
        console,
        1,
        f"an app of {plan.people:,} people: {days} days on most popular, training, "
        f"{days} days of A/B test",
    )
    lived: list[Life] = []
    with stage_lines(console) as on_stage:
        result = run_proof(plan, folder=folder, on_stage=on_stage, on_lived=lived.append)
    return result, lived[0]


def _serve(
    arguments: argparse.Namespace,
    config: Path,
    lived: tuple[ProofResult, Life],
    console: Console,
) -> _Shown:
    """Steps 2 and 3, on a copy of the project, so that its log stays unchanged."""
    result, life = lived
    if not live_rooms(life.world, life.at_ms):
        console.print(
            "\nNo room is live at this hour in so small an app, so there are no lists to show, and "
            "the server is not load-tested; try more --people",
            soft_wrap=True,
        )
        return _Shown((), None)
    with tempfile.TemporaryDirectory(prefix="liverank-demo-") as folder:
        shutil.copytree(config.parent, Path(folder) / "project")
        moment = Moment(life, result, Path(folder) / "project" / config.name)
        people = unlike_people(life, number=_SHOWN_PEOPLE)
        with own_server(config_for(moment, people)) as address:
            _announce(
                arguments, console, 2, "the same moment for three people, under both variants"
            )
            lists = lists_of(moment, people, address)
            show_lists(lists, console)
            _announce(arguments, console, 3, f"{arguments.load} seconds of load on the same server")
            with stage_lines(console) as on_progress:
                load = measure_load(address, life, arguments.load, on_progress)
            show_load_figures(load, console)
    return _Shown(lists, load)


def _facts(result: ProofResult, life: Life, shown: _Shown, seconds: float) -> PageFacts:
    config = Path(str(result.project)) / "liverank.toml"
    bundle = store.load(data_path(config, load_config(config)), result.training.bundle)
    peak_kb = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return PageFacts(
        result=result,
        lists=shown.lists,
        live_rooms=len(live_rooms(life.world, life.at_ms)),
        learned=themes_of(bundle.report["importance"], bundle.spec),
        load=shown.load,
        peak_memory_mb=peak_kb * 1024 / _MB if sys.platform == "linux" else peak_kb / _MB,
        seconds=round(seconds, 3),
        processors=os.cpu_count() or 1,
        commands=(),
    )


def _write_page(facts: PageFacts, keep: Path | None) -> Path:
    """Write the page to the kept folder, or to a new temporary one; returns its path."""
    folder = keep or Path(tempfile.mkdtemp(prefix="liverank-demo-page-"))
    page = folder / PAGE
    page.write_text(render_page(facts), encoding="utf-8")
    return page


def _show(arguments: argparse.Namespace, facts: PageFacts, page: Path, console: Console) -> None:
    _announce(arguments, console, 4, "what it is worth")
    result = facts.result
    console.print(f"[bold]{result.decision}[/]", soft_wrap=True)
    console.print(lift_table(result))
    console.print(f"{facts.seconds:.0f} s in all. The page to show: {page}", soft_wrap=True)
    for command in facts.commands:
        console.print(f"  {command}", markup=False, soft_wrap=True)


def _keep(arguments: argparse.Namespace, console: Console) -> UpkeepResult | None:
    """Step 5: days that autopilot keeps, unless none are wanted."""
    if not arguments.kept_days:
        return None
    plan = kept_plan(arguments.seed, arguments.kept_days)
    _announce(
        arguments,
        console,
        5,
        f"{plan.days} days of an app of {plan.people:,} people that nobody touches: autopilot",
    )
    return show_kept(plan, console)


def _announce(arguments: argparse.Namespace, console: Console, step: int, what: str) -> None:
    steps = _STEPS + bool(arguments.kept_days)
    console.print(f"\n[bold cyan]{step} of {steps}[/] [bold]{what}[/]", soft_wrap=True)
