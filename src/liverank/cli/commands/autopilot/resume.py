"""``liverank autopilot resume``: go on after a pause."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.history.state import state_of, steps_in
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.events.autopilot_steps import step_of
from liverank.events.log import Log

HELP = "go on after a pause"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--reason", metavar="TEXT", default="resumed by hand", help="reason, kept in the log"
    )
    parser.add_argument("--at", type=moment_ms, metavar="TIME", help="default: now")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Append the end of the pause to the log."""
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    with Log.open(log_path(arguments.config, load_config(arguments.config))) as log:
        was_paused = state_of(steps_in(log)).is_paused
        if was_paused:
            step = step_of("resumed", at_ms=at_ms, reason=arguments.reason)
            log.append([step], arrived_ms=at_ms)
    console.print("Autopilot goes on" if was_paused else "Autopilot was not paused")
    return {"ok": True, "paused": False, "was_paused": was_paused, "at_ms": at_ms}
