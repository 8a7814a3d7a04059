"""``liverank experiment start``: start an experiment, or change its ramp."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from liverank.bundle import store
from liverank.cli.commands.experiment.named import experiment_named, ramp_percent, timeline_in
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.config_experiments import Experiment
from liverank.errors import BundleError, ConfigError
from liverank.events.event import ExperimentChange, Fields
from liverank.events.log import Log
from liverank.serving.experiments.loading import versions_of

if TYPE_CHECKING:
    from liverank.events.actions import ExperimentAction

HELP = "start an experiment, or change its ramp while it runs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the experiment's name in liverank.toml")
    parser.add_argument(
        "--ramp",
        type=ramp_percent,
        metavar="P",
        help="percent of its units that take part; default: the config's",
    )
    parser.add_argument(
        "--at", type=moment_ms, metavar="TIME", help="time of the start, RFC 3339; default: now"
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Check that it can run, and append its start to the log. Raises ConfigError, BundleError."""
    config = load_config(arguments.config)
    name = arguments.name
    experiment = experiment_named(config, name, arguments.config)
    _check_bundles(data_path(arguments.config, config), experiment)
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    with Log.open(log_path(arguments.config, config)) as log:
        step = timeline_in(log, name, experiment).at(at_ms)
        if step.decision is not None:
            raise ConfigError(
                f"{name} was decided ({step.decision}); give a new experiment another name, "
                "so that everybody is assigned again"
            )
        if step.is_running and arguments.ramp is None:
            raise ConfigError(f"{name} is already running; `--ramp P` changes how many take part")
        if experiment.end_ms is not None and at_ms >= experiment.end_ms:
            raise ConfigError(
                f"`experiments.{name}.end` is {experiment.end}, which has passed; change it first"
            )
        ramp = step.ramp if arguments.ramp is None else arguments.ramp
        fields: Fields = {"ramp": ramp}
        action: ExperimentAction = "ramped" if step.is_running else "started"
        change = ExperimentChange(time=at_ms, experiment=name, action=action, fields=fields)
        log.append([change], arrived_ms=now_ms())
    what = f"{name} takes {ramp:g} % of its units" if step.is_running else f"{name} is started"
    console.print(f"{what}; running servers follow within about a second", soft_wrap=True)
    if step.is_running and ramp < step.ramp:
        console.print(
            f"[yellow]The ramp was {step.ramp:g} %: units that no longer take part are not "
            "measured as before[/yellow]",
            soft_wrap=True,
        )
    return {"ok": True, "experiment": name, "action": action, "ramp": ramp, "at_ms": at_ms}


def _check_bundles(root: Path, experiment: Experiment) -> None:
    """Load the variants' own bundles. Raises BundleError for one that cannot be served."""
    current = store.current(root)
    served = None if current is None else store.load(root, current)
    for version in versions_of(experiment):
        bundle = store.load(root, version)
        if served is not None and bundle.spec.layout != served.spec.layout:
            raise BundleError(
                f"bundle {version} needs another layout of state than the served bundle {current}; "
                "train both with the same config and log"
            )
