"""``liverank promote``: put a bundle into service."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.bundle import store
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config
from liverank.errors import BundleError

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
    """Verify the bundle and serve it from now on. Raises BundleError, and nothing has changed."""
    root = data_path(arguments.config, load_config(arguments.config))
    before = _current(root)
    version = _version(root, arguments.bundle)
    store.promote(root, version)
    console.print(
        f"Bundle {version} is in service; running servers take it up within some seconds"
        if version != before
        else f"Bundle {version} is in service already",
        soft_wrap=True,
    )
    return {"ok": True, "promoted": version, "before": before}


def _version(root: Path, named: str) -> str:
    """The version that is named, or that of the bundle in a directory, which is kept from then."""
    directory = Path(named)
    is_version = named.isalnum() and named.isascii()
    if directory.is_dir() and not (is_version and store.place_of(root, named).is_dir()):
        return store.bring_in(root, directory)
    if not is_version:
        raise BundleError(
            f"{named}: no such directory; name a version of `liverank bundles`, or a directory"
        )
    return named


def _current(root: Path) -> str | None:
    """What was in service; None where that cannot be told, as promoting may mend it."""
    try:
        return store.current(root)
    except BundleError:
        return None
