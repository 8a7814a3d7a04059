"""``liverank rollback``: put the bundle before the current one back into service."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.promotion import roll_back, withdraw
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config

HELP = "put the bundle that was served before the current one back into service, or none"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--to",
        choices=("previous", "popular"),
        default="previous",
        help="`popular` puts no bundle into service: rankings are by popularity",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Verify the previous bundle and promote it. On BundleError nothing has changed."""
    root = data_path(arguments.config, load_config(arguments.config))
    if arguments.to == "popular":
        change = withdraw(root, "`liverank rollback --to popular`")
        console.print(
            f"Bundle {change.before} is withdrawn, and rankings are by popularity; running servers "
            "follow within some seconds, and `liverank rollback` undoes it",
            soft_wrap=True,
        )
        return {"ok": True, "promoted": None, "before": change.before}
    change = roll_back(root)
    console.print(
        f"Bundle {change.version} is in service again, in place of "
        f"{'popularity' if change.before is None else f'{change.before}, which is kept'}; "
        "running servers take it up within some seconds",
        soft_wrap=True,
    )
    return {"ok": True, "promoted": change.version, "before": change.before}
