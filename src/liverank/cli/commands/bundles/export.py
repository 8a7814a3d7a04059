"""``liverank bundles export``: write a bundle as one tar file."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from liverank.autopilot.registry.archive import export_bundle
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config
from liverank.errors import BundleError

HELP = "verify a bundle, and write it as one tar file for another machine"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("version", metavar="VERSION", help="a version that `bundles` lists")
    parser.add_argument("file", type=Path, metavar="FILE", help="where to write: .tar")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Write the file. Raises BundleError."""
    file: Path = arguments.file
    if file.suffix != ".tar":
        raise BundleError(f"{file}: the name of a bundle's file ends in .tar; name such a file")
    config = load_config(arguments.config)
    size = export_bundle(data_path(arguments.config, config), arguments.version, file)
    console.print(escape(f"{file}: bundle {arguments.version}, {size / 1e6:.2f} MB"))
    return {"ok": True, "bundle": arguments.version, "file": str(file), "bytes": size}
