"""``liverank promote``: put a bundle into service."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.promotion import put_into_service
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config

HELP = "put a bundle into service, once it has been verified"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        help="a version of `liverank bundles`, or the directory of a bundle, which is copied",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Verify the bundle and promote it. On BundleError nothing has changed."""
    root = data_path(arguments.config, load_config(arguments.config))
    change = put_into_service(root, arguments.bundle)
    console.print(
        f"Bundle {change.version} is in service; running servers take it up within some seconds"
        if change.version != change.before
        else f"Bundle {change.version} is in service already",
        soft_wrap=True,
    )
    return {"ok": True, "promoted": change.version, "before": change.before}
