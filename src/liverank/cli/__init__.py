"""The command line: each command is a module with ``HELP``, ``configure`` and ``run``.

To add a command: write a module in ``cli.commands``, and add its name to ``COMMANDS``. Commands
choose stores and sources, and read the clock; everything below takes them as arguments.
Invariant: exit 0 is ok, 1 is a failure with one readable line on stderr, 2 is bad usage; with
``--json`` the last line of stdout is one JSON object, which on failure has ``ok`` and ``error``.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, Protocol, cast

import msgspec
from rich.console import Console

from liverank.errors import LiverankError

COMMANDS = (
    "demo",
    "simulate",
    "init",
    "validate",
    "ingest",
    "train",
    "backtest",
    "automl",
    "predict",
    "export",
    "bundles",
    "promote",
    "rollback",
    "warmup",
    "serve",
    "doctor",
    "loadtest",
    "replay",
    "experiment",
    "autopilot",
    "snapshot",
    "compact",
    "erase",
)
"""All commands, in the order of ``--help``; each is a module of ``cli.commands``."""


class Command(Protocol):
    """The interface of a command's module."""

    HELP: str
    """One line for ``--help``."""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    @staticmethod
    def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
        """Run the command and print on the console; return the object for ``--json``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    # only the module of the command that runs is imported
    parser = build_parser(words[:1] if words and words[0] in COMMANDS else COMMANDS)
    arguments = parser.parse_args(words)
    console = Console(stderr=arguments.json, highlight=False)
    console.soft_wrap = not console.is_terminal  # so that `grep` finds whole lines
    command = " ".join(filter(None, (arguments.command, getattr(arguments, "subcommand", None))))
    try:
        result = _command(arguments.command).run(arguments, console)
        if "error" in result:
            print(f"liverank {command}: {result['error']}", file=sys.stderr)  # noqa: T201
    except LiverankError as error:
        message = str(error).encode(errors="replace").decode()  # a path need not be UTF-8
        print(f"liverank {command}: {message}", file=sys.stderr)  # noqa: T201
        if arguments.json:
            _print_json({"ok": False, "error": message})
        return 1
    except KeyboardInterrupt:
        print(f"liverank {command}: stopped", file=sys.stderr)  # noqa: T201
        return 130
    if arguments.json:
        _print_json(result)
    return 0 if result.get("ok", True) else 1


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of these commands, by default all; tests of the docs use it too."""
    parser = argparse.ArgumentParser(
        prog="liverank",
        description="Rank what is live right now for each person, hands-off.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in commands:
        command = _command(name)
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        subparser.add_argument(
            "--json", action="store_true", help="print one JSON object as the last line of stdout"
        )
        command.configure(subparser)
    return parser


def _print_json(result: dict[str, Any]) -> None:
    print(msgspec.json.encode(result).decode(), flush=True)  # noqa: T201


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"liverank.cli.commands.{name}"))
