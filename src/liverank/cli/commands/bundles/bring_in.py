"""``liverank bundles import``: verify the bundle of a tar file, and add it to the others."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.autopilot.registry.archive import import_bundle
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config

HELP = "verify the bundle of a file that `bundles export` wrote, and add it to the others"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file of `bundles export`")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Add the bundle, without promoting it. Raises BundleError."""
    config = load_config(arguments.config)
    version = import_bundle(data_path(arguments.config, config), arguments.file)
    console.print(
        f"Bundle [bold]{version}[/bold] is stored; `liverank promote {version}` serves it"
    )
    return {"ok": True, "bundle": version}
