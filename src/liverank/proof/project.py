"""The project folder of a proof: what a user's would hold, and copies of it for other truths.

The config is what ``liverank init`` proposes from a day of the app's events, with an experiment,
a metric and a budget appended, as a user would. Invariant: nothing in it comes from the truth.
"""

import shutil
from pathlib import Path

from liverank.errors import ProofError
from liverank.proof.commands import run_command
from liverank.proof.plan import Plan

EXPERIMENT, CONTROL, VARIANT = "tab", "popular", "model"
"""Names in the config; the control and the variant are also how they rank."""
CONFIG = "liverank.toml"


def make_project(folder: Path, plan: Plan, sample: Path, surface: str) -> Path:
    """Write the config of a new project and return its path; ``sample`` is a file of events.

    Raises ProofError where the folder cannot be made or is in use.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_used = any(folder.iterdir())
    except OSError as error:
        raise ProofError(f"{folder}: cannot hold a project: {error.strerror}") from None
    if is_used:
        raise ProofError(f"{folder}: is not empty; give a new folder")
    config = folder / CONFIG
    run_command("init", str(sample), "--out", str(config))
    with config.open("a", encoding="utf-8") as lines:
        lines.write(
            _appended(plan, surface, has_surface=f"[surfaces.{surface}]" in config.read_text())
        )
    return config


def _appended(plan: Plan, surface: str, *, has_surface: bool) -> str:
    tables = "" if has_surface else f"\n[surfaces.{surface}]\nlimit = {plan.shown}\n"
    return (
        tables
        + f"""
[training]
budget = "{plan.budget}"

[metrics.seconds_listened]
kind = "mean"
interaction = "leave"
value = true

[experiments.{EXPERIMENT}]
surface = "{surface}"
days = {plan.days_of_test}
metrics = ["daily_active", "join_rate", "clicks_to_explore", "seconds_listened"]

[experiments.{EXPERIMENT}.variants]
{CONTROL} = {{ rank = "popular", share = 0.5 }}
{VARIANT} = {{ rank = "model", share = 0.5 }}
"""
    )


def start_test(config: Path, at_ms: int) -> None:
    """Start the experiment at a simulated time. Raises ProofError."""
    run_command("experiment", "start", EXPERIMENT, "--at", str(at_ms), config=config)


def copied_for_all(config: Path, folder: Path, variant: str, at_ms: int) -> Path:
    """A copy of the project in which everybody gets one variant from a time on.

    The variant is shipped by the product's own means. Returns the copy's config.
    """
    shutil.copytree(config.parent, folder)
    copy = folder / config.name
    start_test(copy, at_ms)
    run_command(
        "experiment", "stop", EXPERIMENT, "--decision", "ship", "--variant", variant,
        "--at", str(at_ms), config=copy,
    )  # fmt: skip
    return copy
