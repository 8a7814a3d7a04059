"""``liverank autopilot check``: compare served features with replayed ones, and log the result."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.history.checked import Checked
from liverank.autopilot.monitoring.skew import skew_alarms
from liverank.autopilot.run_loop.limits import run_only_when_idle
from liverank.autopilot.run_loop.lock import only_one
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.events.autopilot_steps import step_of
from liverank.events.log import Log

HELP = "compare served features with replayed ones, at low priority, and log the result"

_DAY_MS = 86_400_000
_RANKINGS = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--at", type=moment_ms, metavar="TIME", help="default: now")
    parser.add_argument(
        "--priority",
        choices=("idle", "normal"),
        default="idle",
        help="`idle` (default) takes only processor time that nothing else wants",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Replay the log, and compare a sample of the last day. Raises AutopilotError if one runs."""
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    if arguments.priority == "idle":
        run_only_when_idle()
    with only_one(root, "check"), Log.open(log_path(arguments.config, config)) as log:
        alarms = skew_alarms(log, config, root, since_ms=max(at_ms - _DAY_MS, 0), sample=_RANKINGS)
        reason = alarms[0].title if alarms else "served features are what a replay gives"
        step = step_of("checked", at_ms=at_ms, reason=reason, detail=Checked(alarms=tuple(alarms)))
        log.append([step], arrived_ms=at_ms)
    console.print(f"{reason[0].upper()}{reason[1:]}", markup=False, soft_wrap=True)
    return {"ok": not alarms, "reason": reason}
