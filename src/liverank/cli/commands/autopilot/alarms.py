"""``liverank autopilot alarms``: the alarms that go on, and a test of where they are sent."""

import argparse
import os
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.alarms.channels.configured import channels_of
from liverank.autopilot.alarms.message import duration_words, trial_message, utc
from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import Config, load_config
from liverank.config_autopilot import Alarms
from liverank.errors import NotificationError
from liverank.events.log import Log

HELP = "what is wrong now, with cause, consequence and next step; --test sends a test message"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--test", action="store_true", help="send a test message to every channel of the config"
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """List the alarms that go on, or test the channels. Raises LogError."""
    config = load_config(arguments.config)
    if arguments.test:
        return _test(config, console)
    with Log.open(log_path(arguments.config, config)) as log:
        state = state_of(steps_in(log))
    for line in _lines(state, now_ms()):
        console.print(line, markup=False, soft_wrap=True)
    return {
        "ok": not state.alarms,
        "alarms": [msgspec.to_builtins(alarm) for alarm in state.alarms.values()],
    }


def _lines(state: AutopilotState, at_ms: int) -> list[str]:
    if not state.alarms:
        return ["No alarm"]
    lines = []
    for key, alarm in state.alarms.items():
        quiet_ms = state.alarms_quiet_ms.get(key)
        quiet = "" if quiet_ms is None else f"; not seen since {utc(quiet_ms)}"
        lasted = duration_words(at_ms - alarm.since_ms)
        lines += [
            f"{alarm.severity}: {alarm.title}",
            f"  since        {utc(alarm.since_ms)}, for {lasted}{quiet}",
            f"  cause        {alarm.cause}",
            f"  consequence  {alarm.consequence}",
            f"  next step    {alarm.next_step}",
        ]
    return lines


def _test(config: Config, console: Console) -> dict[str, Any]:
    message = trial_message(at_ms=now_ms())
    alarms = Alarms() if config.autopilot is None else config.autopilot.alarms
    results: list[dict[str, Any]] = []
    for channel in channels_of(alarms, os.environ):
        try:
            channel.send(message)
        except NotificationError as error:
            results.append({"channel": channel.name, "ok": False, "why": str(error)})
            console.print(f"{channel.name}: not sent: {error}", markup=False, soft_wrap=True)
        else:
            results.append({"channel": channel.name, "ok": True, "why": None})
            console.print(f"{channel.name}: accepted", markup=False, soft_wrap=True)
    return {"ok": all(one["ok"] for one in results), "channels": results}
