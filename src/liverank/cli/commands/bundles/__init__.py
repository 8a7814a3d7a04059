"""``liverank bundles``; each subcommand is a module with ``HELP``, ``configure`` and ``run``."""

import argparse
from typing import Any

from rich.console import Console

from liverank.cli.project.paths import add_config_argument
from liverank.cli.terminal.subcommands import add_subcommands, command_of

HELP = "list, compare, prune, export and import the bundles that are kept"

_MODULES = {
    "list": f"{__name__}.list",
    "diff": f"{__name__}.diff",
    "export": f"{__name__}.export",
    "import": f"{__name__}.bring_in",
    "prune": f"{__name__}.prune",
}
"""The module of each subcommand, in the order of ``--help``."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands; without one, the bundles are listed."""
    add_config_argument(parser)
    add_subcommands(parser, _MODULES, otherwise="list")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the subcommand; its errors propagate."""
    return command_of(_MODULES[arguments.subcommand]).run(arguments, console)
