"""Commands that have subcommands, each a module with ``HELP``, ``configure`` and ``run``.

Invariant: modules of subcommands are imported only when their command runs.
"""

import argparse
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from liverank.cli import Command


def add_subcommands(
    parser: argparse.ArgumentParser, modules: Mapping[str, str], *, otherwise: str | None = None
) -> None:
    """Add a parser for each subcommand; ``modules`` maps names to modules, in order of help.

    ``otherwise`` is the subcommand that runs where none is named; it may have no option but
    ``--config``, which the parser itself has then.
    """
    subparsers = parser.add_subparsers(
        dest="subcommand", required=otherwise is None, metavar="SUBCOMMAND"
    )
    parser.set_defaults(subcommand=otherwise)
    for name, module in modules.items():
        command = command_of(module)
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        subparser.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,  # else it would override one given before the subcommand
            help="print one JSON object as the last line of stdout",
        )
        command.configure(subparser)
        if otherwise is not None:
            _without_default(subparser, "config")  # for the same reason


def _without_default(parser: argparse.ArgumentParser, name: str) -> None:
    """Set an option only where it is given; ``set_defaults`` would always set it."""
    for action in parser._actions:
        if action.dest == name:
            action.default = argparse.SUPPRESS


def command_of(module: str) -> "Command":
    """The command that a module defines."""
    return cast("Command", importlib.import_module(module))
