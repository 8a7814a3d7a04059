"""``liverank autopilot pause``: stop everything that autopilot does, at once."""

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

HELP = "stop everything: no training, no release; a challenger on trial serves nobody any more"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--reason", metavar="TEXT", default="paused by hand", help="reason, kept in the log"
    )
    parser.add_argument("--at", type=moment_ms, metavar="TIME", help="default: now")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Append the pause to the log; servers and a running autopilot follow within seconds."""
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    with Log.open(log_path(arguments.config, load_config(arguments.config))) as log:
        before = state_of(steps_in(log))
        if not before.is_paused:
            step = step_of("paused", at_ms=at_ms, reason=arguments.reason)
            log.append([step], arrived_ms=at_ms)
    if before.is_paused:
        console.print(f"Autopilot is paused already: {before.paused_because}", markup=False)
    else:
        console.print("Autopilot is paused; the model in service goes on, and is watched")
    dropped = None if before.release is None else before.release.version
    if dropped is not None:
        console.print(f"The challenger {dropped} is no longer on trial")
    return {"ok": True, "paused": True, "dropped": dropped, "at_ms": at_ms}
