"""``liverank bundles prune``: remove the bundles that need not be kept."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.history.state import steps_in
from liverank.autopilot.registry.keep import prune_bundles, versions_of_experiments
from liverank.bundle import store
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import load_config
from liverank.errors import BundleError
from liverank.events.log import Log

HELP = "remove old bundles, but none that serves, served not long ago, or is on trial"

_KEEP = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--keep", type=int, metavar="N", default=_KEEP, help=f"newest that are kept; {_KEEP}"
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Remove what no rule keeps. Raises BundleError, LogError and its kinds."""
    if arguments.keep < 0:
        raise BundleError(f"--keep is {arguments.keep}; expected 0 or more")
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    steps = []
    if log_path(arguments.config, config).is_dir():
        with Log.open(log_path(arguments.config, config)) as log:
            steps = steps_in(log)
    removed = prune_bundles(
        root, steps, arguments.keep, at_ms=now_ms(), named=versions_of_experiments(config)
    )
    left = [one.version for one in store.kept(root)]
    console.print(f"Removed {len(removed)} of {len(removed) + len(left)} bundles", soft_wrap=True)
    return {"ok": True, "removed": list(removed), "kept": left}
