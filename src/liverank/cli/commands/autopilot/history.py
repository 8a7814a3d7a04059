"""``liverank autopilot history``: what autopilot did, when and why."""

import argparse
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liverank.autopilot.history.state import steps_in
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.events.autopilot_steps import reason_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log

HELP = "what autopilot did, when and why"

OFTEN = ("reported", "shadowed")
"""Actions that servers log every few minutes."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--since", type=moment_ms, metavar="TIME", help="only from here on")
    parser.add_argument(
        "--all", action="store_true", help="also the reports that servers log every few minutes"
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Show the events of autopilot in the log, the oldest first."""
    since_ms = 0 if arguments.since is None else arguments.since
    with Log.open(log_path(arguments.config, load_config(arguments.config))) as log:
        steps = [
            step
            for step in _each_once(steps_in(log))
            if step.at_ms >= since_ms and (arguments.all or step.action not in OFTEN)
        ]
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("when (UTC)", "what", "bundle"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", overflow="fold")
    for step in steps:
        when = datetime.fromtimestamp(step.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        what = step.action.replace("_", " ")
        table.add_row(when, what, step.model or "", escape(reason_of(step)))
    if steps:
        console.print(table)
    else:
        console.print("Autopilot has not done anything yet")
    return {
        "ok": True,
        "steps": [
            {
                "at_ms": step.at_ms,
                "action": step.action,
                "model": step.model,
                "reason": reason_of(step),
                "detail": step.fields.get("detail"),
            }
            for step in steps
        ],
    }


def _each_once(steps: list[AutopilotStep]) -> list[AutopilotStep]:
    """The steps by time, without those that ``liverank compact`` logged again."""
    seen: set[tuple[object, ...]] = set()
    found: list[AutopilotStep] = []
    for step in steps:
        what = (step.at_ms, step.action, step.model, reason_of(step))
        if what not in seen:
            seen.add(what)
            found.append(step)
    return sorted(found, key=lambda step: step.at_ms)
