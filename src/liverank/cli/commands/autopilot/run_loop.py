"""``liverank autopilot run``: keep a deployment up to date, until it is stopped."""

import argparse
import os
import signal
import threading
from typing import Any

from rich.console import Console

from liverank.autopilot.alarms.channels.configured import channels_of
from liverank.autopilot.alarms.delivery import Delivery
from liverank.autopilot.alarms.outbox import FILE
from liverank.autopilot.history.state import steps_in
from liverank.autopilot.run_loop.limits import lower_priority
from liverank.autopilot.run_loop.lock import only_one
from liverank.autopilot.run_loop.project import Project
from liverank.autopilot.run_loop.run_loop import RunLoop
from liverank.cli.commands.autopilot.history import OFTEN
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import load_config
from liverank.errors import ConfigError, LogBusyError
from liverank.events.autopilot_steps import reason_of
from liverank.events.log import Log
from liverank.serving.server_log.lines import start_server_log

HELP = "keep a deployment up to date: watch, train, judge, release, go back, write letters"

_PAUSE_S = 2.0
"""Pause between two looks: what the log shows takes effect within seconds."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--once",
        action="store_true",
        help="do what is due, wait for a training that it starts, and end: for cron",
    )
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="end when the process that started this one ends",
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="format of its own log, on stderr (default: text)",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Look again and again until SIGTERM or SIGINT. Raises AutopilotError if another one runs."""
    config = load_config(arguments.config)
    if config.autopilot is None:
        raise ConfigError(
            f"{arguments.config}: there is no [autopilot]; add the table, e.g. with "
            '`retrain = "1d"` (docs/autopilot.md)'
        )
    root = data_path(arguments.config, config)
    stopped, parent = threading.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    lower_priority()
    start_server_log(arguments.log_format)
    looks, began_ms = 0, now_ms()
    with only_one(root, "autopilot"), Log.open(log_path(arguments.config, config)) as log:
        project = Project(arguments.config, config, root)
        channels = channels_of(config.autopilot.alarms, os.environ)
        delivery = Delivery(channels, root / FILE)
        with RunLoop(log, project, delivery) as loop:
            while not stopped.is_set():
                try:
                    loop.look(now_ms())
                    looks += 1
                except LogBusyError as error:
                    console.print(f"Trying again: {error}", markup=False, soft_wrap=True)
                if arguments.once and not loop.is_busy:
                    break
                if arguments.with_parent and os.getppid() != parent:
                    break
                stopped.wait(_PAUSE_S)
        done = [step for step in steps_in(log) if step.at_ms >= began_ms]
    for step in done:
        if step.action not in OFTEN:
            what = step.action.replace("_", " ")
            console.print(f"{what}: {reason_of(step)}", markup=False, soft_wrap=True)
    return {"ok": True, "looks": looks, "steps": [step.action for step in done]}
