"""Creates the project folder of a proof, like a user's, and copies of it for counterfactuals.

The config is what ``liverank init`` would propose, with an experiment, a metric and a budget
appended, as a user would. Invariant: nothing in it depends on the simulated truth.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.config import load_config
from liverank.experiments.assignment.buckets import draws_of, ends_of, variant_at
from liverank.proof.commands import run_command
from liverank.proof.plan import Plan
from liverank.simulator.server.project import make_project
from liverank.simulator.simulate import SURFACE

EXPERIMENT, CONTROL, VARIANT = "tab", "popular", "model"
"""Names in the config; the names of the control and the variant are also those of policies."""


def new_project(folder: Path, plan: Plan) -> Path:
    """Create the folder of a new project and return the path of its config.

    Raises SimulatorError if the folder cannot be created, or is not empty.
    """
    return make_project(folder, seed=plan.seed, more=_more(plan))


def _more(plan: Plan) -> str:
    return f"""
[training]
budget = "{plan.budget}"

[metrics.seconds_listened]
kind = "mean"
interaction = "leave"
value = true

[experiments.{EXPERIMENT}]
surface = "{SURFACE}"
days = {plan.days_of_test}
metrics = ["daily_active", "join_rate", "clicks_to_explore", "seconds_listened"]

[experiments.{EXPERIMENT}.variants]
{CONTROL} = {{ rank = "popular", share = 0.5 }}
{VARIANT} = {{ rank = "model", share = 0.5 }}
"""


def start_test(config: Path, at_ms: int) -> None:
    """Start the experiment at a simulated time. Raises ProofError."""
    run_command("experiment", "start", EXPERIMENT, "--at", str(at_ms), config=config)


def copied_for_all(config: Path, folder: Path, variant: str, at_ms: int) -> Path:
    """A copy of the project in which all people get one variant from a time on.

    The variant is shipped with the product's own command. Returns the path of the copy's config.
    """
    shutil.copytree(config.parent, folder)
    copy = folder / config.name
    start_test(copy, at_ms)
    run_command(
        "experiment", "stop", EXPERIMENT, "--decision", "ship", "--variant", variant,
        "--at", str(at_ms), config=copy,
    )  # fmt: skip
    return copy


def people_of_variants(config: Path, users: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Which users the product assigns to each variant: bool[n_users] each."""
    experiment = load_config(config).experiments[EXPERIMENT]
    ends = ends_of(experiment.shares)
    given = np.array(
        [variant_at(ends, draws_of(EXPERIMENT, experiment, user).variant) for user in users]
    )
    return {variant: given == variant for variant in experiment.variants}
