"""``liverank simulate autopilot``: months of a simulated app that autopilot keeps."""

import argparse
import shutil
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.letter.write import FOLDER
from liverank.cli.terminal.progress import stage_progress
from liverank.errors import ProofError
from liverank.proof.tables import rich_table
from liverank.proof.upkeep.page import render_page
from liverank.proof.upkeep.plan import UpkeepPlan, checked, default_faults
from liverank.proof.upkeep.results import UpkeepResult
from liverank.proof.upkeep.run import run_upkeep
from liverank.proof.upkeep.tables import decision_grid, fault_grid, week_grid

HELP = "let autopilot keep a simulated app for months, and compare each week with the truth"

RESULTS, PAGE = "upkeep.json", "upkeep.html"
"""Files of ``--out``."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    default = UpkeepPlan()
    for name, meaning, metavar in (
        ("days", "simulated days", "D"),
        ("people", "people of the world", "N"),
        ("seed", "seed of the world", "N"),
    ):
        value = getattr(default, name)
        parser.add_argument(
            f"--{name}",
            type=int,
            default=value,
            metavar=metavar,
            help=f"{meaning} (default: {value})",
        )
    parser.add_argument(
        "--budget",
        default=default.budget,
        metavar="TIME",
        help=f"time budget of each search for a model (default: {default.budget})",
    )
    parser.add_argument(
        "--retrain",
        default=default.retrain,
        metavar="TIME",
        help=f"simulated time between two trainings (default: {default.retrain})",
    )
    parser.add_argument(
        "--no-faults", action="store_true", help="let nothing break in the middle of it"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"keep {RESULTS}, {PAGE}, the letters and the project in DIR",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the months and show them. Raises ProofError, SimulatorError, ServingError."""
    plan = checked(
        UpkeepPlan(
            seed=arguments.seed,
            people=arguments.people,
            days=arguments.days,
            budget=arguments.budget,
            retrain=arguments.retrain,
            faults=() if arguments.no_faults else default_faults(arguments.days),
        )
    )
    with stage_progress(console) as on_progress:
        result = run_upkeep(plan, folder=arguments.out, on_stage=on_progress)
    for grid in (week_grid(result), decision_grid(result), fault_grid(result)):
        console.print(rich_table(grid))
    if arguments.out is not None:
        _write(arguments.out, result)
        console.print(f"The page is {arguments.out / PAGE}", soft_wrap=True)
    answer: dict[str, Any] = msgspec.to_builtins(result)
    return {"ok": True, **answer}


def _write(folder: Path, result: UpkeepResult) -> None:
    """Write the results and the page, and copy the letters next to it. Raises ProofError."""
    try:
        (folder / RESULTS).write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
        (folder / PAGE).write_text(render_page(result), encoding="utf-8")
        letters = Path(str(result.project)) / ".liverank" / FOLDER
        if letters.is_dir():
            shutil.copytree(letters, folder / FOLDER, dirs_exist_ok=True)
    except OSError as error:
        raise ProofError(f"{folder}: the results cannot be written: {error.strerror}") from None
