"""``liverank rollback``: put the bundle before the current one back into service."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.promotion import roll_back
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config

HELP = "put the bundle that was served before the current one back into service"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Verify the previous bundle and promote it. On BundleError nothing has changed."""
    root = data_path(arguments.config, load_config(arguments.config))
    change = roll_back(root)
    console.print(
        f"Bundle {change.version} is in service again, in place of {change.before}, which is kept; "
        "running servers take it up within some seconds",
        soft_wrap=True,
    )
    return {"ok": True, "promoted": change.version, "before": change.before}
