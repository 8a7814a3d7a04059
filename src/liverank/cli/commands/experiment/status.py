"""``liverank experiment status``: list the experiments and their states."""

import argparse
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from liverank.cli.commands.experiment.named import changes_in, experiment_named
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import load_config
from liverank.config_experiments import Experiment
from liverank.events.log import Log
from liverank.experiments.assignment.timeline import Step, timeline_of

HELP = "list the experiments and their states"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this one")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """List the experiments by the config and the log. Raises ConfigError, LogError."""
    config = load_config(arguments.config)
    experiments = config.experiments
    if arguments.name is not None:
        found = experiment_named(config, arguments.name, arguments.config)
        experiments = {arguments.name: found}
    directory = log_path(arguments.config, config)
    changes = []
    if directory.exists():
        with Log.open(directory) as log:
            changes = changes_in(log)
    at_ms = now_ms()
    states = {
        name: _as_json(experiment, timeline_of(name, experiment, changes).at(at_ms))
        for name, experiment in experiments.items()
    }
    console.print(_table(states) if states else "The config names no experiments")
    for name, one in states.items():
        if one["reason"] is not None:
            console.print(f"{name}: {one['reason']}", soft_wrap=True, markup=False)
    return {"ok": True, "experiments": states}


def _table(states: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("experiment", "state", "since (UTC)", "surface", "ramp", "variants"):
        table.add_column(heading, overflow="fold")
    for name, one in states.items():
        since = one["started"] if one["state"] == "running" else one["ended"]
        shares = ", ".join(f"{of} {share:.0%}" for of, share in one["variants"].items())
        state = f"shipped {one['shipped']}" if one["shipped"] else one["state"]
        when = "" if since is None else since[:16].replace("T", " ")
        table.add_row(name, state, when, one["surface"], f"{one['ramp']:g} %", shares)
    return table


def _as_json(experiment: Experiment, step: Step) -> dict[str, Any]:
    return {
        "state": _state(step),
        "surface": experiment.surface,
        "variants": experiment.shares,
        "control": experiment.control_name,
        "ramp": step.ramp,
        "holdout": experiment.holdout,
        "started": _time(step.started_ms),
        "ended": _time(step.ended_ms),
        "decision": step.decision,
        "shipped": step.shipped,
        "reason": step.reason,
    }


def _state(step: Step) -> str:
    if step.is_running:
        return "running"
    if step.shipped is not None:
        return "shipped"
    return "not started" if step.ended_ms is None else "stopped"


def _time(at_ms: float | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
