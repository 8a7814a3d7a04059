"""Commands that have subcommands, each a module with ``HELP``, ``configure`` and ``run``.

Invariant: only the modules of the subcommands are imported, and only by the command that has them.
"""

import argparse
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from liverank.cli import Command


def add_subcommands(parser: argparse.ArgumentParser, modules: Mapping[str, str]) -> None:
    """Add a parser for each subcommand; ``modules`` names the module of each, in order of help."""
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name, module in modules.items():
        command = command_of(module)
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        subparser.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,  # else it would undo one that stands before the subcommand
            help="print one JSON object as the last line of stdout",
        )
        command.configure(subparser)


def command_of(module: str) -> "Command":
    """The command that a module is."""
    return cast("Command", importlib.import_module(module))
