"""``liverank autopilot train``: train and judge one challenger, within its budgets."""

import argparse
import os
from typing import Any

from rich.console import Console

from liverank.autopilot.run_loop.challenger import log_failure, train_challenger
from liverank.autopilot.run_loop.limits import default_memory, limited, run_only_when_idle
from liverank.autopilot.run_loop.lock import only_one
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config
from liverank.config_autopilot import Autopilot
from liverank.events.autopilot_steps import reason_of
from liverank.events.log import Log
from liverank.quantities import duration_ms

HELP = "train and judge one challenger now, at low priority; it is not released by this"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--at", type=moment_ms, metavar="TIME", help="the time to train at; default: now"
    )
    parser.add_argument(
        "--priority",
        choices=("idle", "normal"),
        default="idle",
        help="`idle` (default) takes only processor time that nothing else wants",
    )
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="end when the process that started this one ends",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Train, judge, and log the verdict. Raises AutopilotError while another training runs."""
    config = load_config(arguments.config)
    parent = os.getppid() if arguments.with_parent else None
    root = data_path(arguments.config, config)
    settings = config.autopilot or Autopilot()
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    clock = now_ms if arguments.at is None else lambda: at_ms
    if arguments.priority == "idle":
        run_only_when_idle()
    with only_one(root, "training"), Log.open(log_path(arguments.config, config)) as log:

        def on_exceeded(reason: str) -> None:
            log_failure(log, reason, at_ms=clock())
            console.print(f"Stopped: {reason}", markup=False, soft_wrap=True)

        memory = settings.memory_bytes or default_memory()
        seconds = duration_ms(settings.within) / 1000
        with (
            limited(memory_bytes=memory, seconds=seconds, on_exceeded=on_exceeded, parent=parent),
            stage_progress(console) as on_progress,
        ):
            ended = train_challenger(
                log, config, root, at_ms=at_ms, clock=clock, on_progress=on_progress
            )
    reason = reason_of(ended)
    console.print(f"Challenger {ended.model} is {ended.action}: {reason}", soft_wrap=True)
    return {
        "ok": True,
        "bundle": ended.model,
        "accepted": ended.action == "accepted",
        "reason": reason,
        "verdict": ended.fields.get("detail"),
    }
