"""``liverank simulate``; each subcommand is a module with ``HELP``, ``configure`` and ``run``."""

import argparse
from typing import Any

from rich.console import Console

from liverank.cli.terminal.subcommands import add_subcommands, command_of

HELP = "simulate people and live rooms, with a ranked list for each visit"

SUBCOMMANDS = {"run": "run_world", "prove": "prove", "autopilot": "autopilot"}
"""All subcommands, in the order of ``--help``, and their modules of this package."""
_MODULES = {name: f"{__name__}.{module}" for name, module in SUBCOMMANDS.items()}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    add_subcommands(parser, _MODULES)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the subcommand; its errors propagate."""
    return command_of(_MODULES[arguments.subcommand]).run(arguments, console)
