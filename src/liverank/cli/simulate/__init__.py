"""``liverank simulate``: one module a subcommand, with ``HELP``, ``configure`` and ``run``."""

import argparse
import importlib
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

if TYPE_CHECKING:
    from liverank.cli import Command

HELP = "a generated world of people and live rooms, with a ranking behind its tab"

SUBCOMMANDS = {"run": "run_world", "prove": "prove"}
"""Every subcommand, in the order ``--help`` shows them, and its module of this package."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name in SUBCOMMANDS:
        command = _subcommand(name)
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        subparser.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,  # else it would undo one that stands before the subcommand
            help="print one JSON object as the last line of stdout",
        )
        command.configure(subparser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the subcommand. Raises what it raises."""
    return _subcommand(arguments.subcommand).run(arguments, console)


def _subcommand(name: str) -> "Command":
    return cast("Command", importlib.import_module(f"liverank.cli.simulate.{SUBCOMMANDS[name]}"))
