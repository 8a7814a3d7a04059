"""``liverank simulate prove``: run A/B tests in simulated worlds, and compare with the truth."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.cli.terminal.progress import stage_progress
from liverank.errors import ProofError
from liverank.proof.judged import proof_of
from liverank.proof.plan import Plan, checked
from liverank.proof.results import Proof, ProofResult
from liverank.proof.run import run_proof
from liverank.proof.tables import (
    interference_grid,
    markdown,
    proof_grid,
    result_grid,
    rich_table,
    truth_grid,
)

HELP = "run A/B tests in simulated worlds, and compare their reports with the truth"

RESULTS, PAGE = "proof.json", "proof.md"
"""Files of ``--out``."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    default = Plan()
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="worlds (default: 5)")
    parser.add_argument(
        "--first-seed", type=int, default=1, metavar="N", help="seed of the first (default: 1)"
    )
    parser.add_argument(
        "--people",
        type=int,
        default=default.people,
        metavar="N",
        help=f"people of each world (default: {default.people})",
    )
    parser.add_argument(
        "--weeks-before",
        type=_weeks,
        default=default.days_before,
        metavar="W",
        help="weeks on most popular, which the model learns from (default: 2)",
    )
    parser.add_argument(
        "--weeks",
        type=_weeks,
        default=default.days_of_test,
        metavar="W",
        help="weeks of the A/B test (default: 2)",
    )
    parser.add_argument(
        "--budget",
        default=default.budget,
        metavar="TIME",
        help=f"time budget of the search for a model (default: {default.budget})",
    )
    parser.add_argument(
        "--step",
        type=int,
        default=default.step_ms // 1000,
        metavar="S",
        help="simulated seconds between two times at which lists are requested "
        f"(default: {default.step_ms // 1000})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"keep {RESULTS}, {PAGE} and each world's project in DIR",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run each seed and report it. Raises ProofError, SimulatorError, ServingError."""
    if arguments.seeds < 1:
        raise ProofError(f"--seeds is {arguments.seeds}; expected 1 or more")
    plans = [
        checked(
            Plan(
                seed=seed,
                people=arguments.people,
                days_before=arguments.weeks_before,
                days_of_test=arguments.weeks,
                budget=arguments.budget,
                step_ms=1000 * arguments.step,
            )
        )
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    results: list[ProofResult] = []
    for plan in plans:
        folder = None if arguments.out is None else arguments.out / f"seed{plan.seed}"
        console.print(f"[bold]Seed {plan.seed}[/]: {plan.people:,} people, {plan.days} days")
        with stage_progress(console) as on_progress:
            results.append(run_proof(plan, folder=folder, on_stage=on_progress))
        _show(results[-1], console)
        if arguments.out is not None:
            _write(arguments.out, proof_of(results))
    proof = proof_of(results)
    console.print(rich_table(proof_grid(proof)))
    if arguments.out is not None:
        console.print(f"Results are in {arguments.out / RESULTS} and {arguments.out / PAGE}")
    answer: dict[str, Any] = msgspec.to_builtins(proof)
    return {"ok": True, **answer}


def _weeks(text: str) -> int:
    """Days in a number of weeks such as ``2`` or ``0.5``.

    >>> _weeks("2"), _weeks("0.5")
    (14, 4)
    """
    try:
        return round(7 * float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number of weeks") from None


def _show(result: ProofResult, console: Console) -> None:
    console.print(rich_table(truth_grid(result)))
    console.print(rich_table(result_grid(result)))
    console.print(f"Decision of the report: {result.decision}", soft_wrap=True, markup=False)
    visits = sum(phase.visits for phase in result.phases)
    console.print(f"{visits:,} lists in {result.seconds:.0f} s\n")
    fallbacks = sum(phase.fallbacks for phase in result.phases)
    if fallbacks:
        what = f"{fallbacks:,} lists of users in the model's variant were ranked by a fallback"
        console.print(f"{what}; the figures do not describe the model alone", style="yellow")


def _write(folder: Path, proof: Proof) -> None:
    """Write the results so far. Raises ProofError."""
    grids = [proof_grid(proof)]
    for result in proof.results:
        grids += [result_grid(result), truth_grid(result), interference_grid(result)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULTS).write_bytes(msgspec.json.format(msgspec.json.encode(proof), indent=2))
        (folder / PAGE).write_text(markdown(grids), encoding="utf-8")
    except OSError as error:
        raise ProofError(f"{folder}: cannot be written: {error.strerror}") from None
