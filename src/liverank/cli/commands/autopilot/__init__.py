"""``liverank autopilot``; each subcommand is a module with ``HELP``, ``configure`` and ``run``."""

import argparse
from typing import Any

from rich.console import Console

from liverank.cli.terminal.subcommands import add_subcommands, command_of

HELP = "train, judge, release and watch models without a hand on it"

SUBCOMMANDS = (
    "run",
    "train",
    "judge",
    "check",
    "status",
    "alarms",
    "history",
    "letter",
    "pause",
    "resume",
)
"""All subcommands, in the order of ``--help``; each is a module of this package."""
_MODULES = {
    name: f"{__name__}.{'run_loop' if name == 'run' else name}"  # not the name of a function here
    for name in SUBCOMMANDS
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    add_subcommands(parser, _MODULES)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the subcommand; its errors propagate."""
    return command_of(_MODULES[arguments.subcommand]).run(arguments, console)
