"""``liverank experiment status``: which experiments there are, and what each of them does."""

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from liverank.cli.paths import add_config_argument
from liverank.config import load_config
from liverank.config_experiments import Experiment
from liverank.errors import ConfigError

HELP = "list the experiments and their variants"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this one")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """List them. Raises ConfigError."""
    experiments = load_config(arguments.config).experiments
    if arguments.name is not None:
        if arguments.name not in experiments:
            raise ConfigError(
                f"{arguments.config}: there is no [experiments.{arguments.name}]; "
                f"{'it names ' + ', '.join(experiments) if experiments else 'it names none'}"
            )
        experiments = {arguments.name: experiments[arguments.name]}
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("experiment", "surface", "variants", "ramp"):
        table.add_column(heading)
    for name, experiment in experiments.items():
        variants = ", ".join(f"{of} {share:.0%}" for of, share in experiment.shares.items())
        table.add_row(name, experiment.surface, variants, f"{experiment.ramp:g} %")
    console.print(table if experiments else "The config names no experiments")
    return {
        "ok": True,
        "experiments": {name: _as_json(experiment) for name, experiment in experiments.items()},
    }


def _as_json(experiment: Experiment) -> dict[str, Any]:
    return {
        "surface": experiment.surface,
        "variants": experiment.shares,
        "control": experiment.control_name,
        "ramp": experiment.ramp,
        "holdout": experiment.holdout,
    }
