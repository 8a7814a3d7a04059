"""``liverank autopilot judge``: compare a bundle with the one in service on newer lists."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.judging.judge import judge
from liverank.bundle import store
from liverank.bundle.bundle import Bundle
from liverank.cli.commands.autopilot.verdict_tables import verdict_lines, verdict_tables
from liverank.cli.project.clock import now_ms
from liverank.cli.project.event_input import add_history_arguments, open_history
from liverank.cli.project.paths import data_path
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config
from liverank.errors import BundleError

HELP = "compare a bundle with the one in service, on lists that neither was trained on"

_POPULARITY = "popularity"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("challenger", metavar="CHALLENGER", help="version of a stored bundle")
    parser.add_argument(
        "--champion",
        metavar="VERSION",
        help=f"default: the bundle in service, or the one before it; `{_POPULARITY}` for none",
    )
    parser.add_argument(
        "--since",
        type=moment_ms,
        metavar="TIME",
        help="judge on lists served from here on; default: when the challenger's training ended",
    )
    parser.add_argument("--until", type=moment_ms, metavar="TIME", help="default: now")
    add_history_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Judge, and show the verdict; nothing is released. Raises BundleError and DatasetError."""
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    challenger = store.load(root, arguments.challenger)
    champion = _champion(root, arguments.champion, challenger.version)
    until_ms = float(now_ms()) if arguments.until is None else arguments.until
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        verdict = judge(
            frames,
            config,
            challenger,
            champion,
            from_ms=_since_ms(challenger) if arguments.since is None else arguments.since,
            until_ms=until_ms,
            on_progress=on_progress,
        )
    for table in verdict_tables(verdict):
        console.print(table)
    for line in verdict_lines(verdict):
        console.print(line, markup=False, soft_wrap=True)
    return {"ok": verdict.is_accepted, "verdict": msgspec.to_builtins(verdict)}


def _champion(root: Path, named: str | None, challenger: str) -> Bundle | None:
    """The bundle to compare with; None for popularity."""
    version = named
    if version is None:
        version = store.current(root)
        if version == challenger:
            version = store.previous(root)
    return None if version in (None, _POPULARITY) else store.load(root, str(version))


def _since_ms(challenger: Bundle) -> float:
    """The time up to which the challenger was trained, Unix ms. Raises BundleError."""
    if challenger.lineage is None:
        raise BundleError(
            f"bundle {challenger.version} has no lineage, so it is unknown up to when it was "
            "trained; give --since"
        )
    return float(challenger.lineage.trained_until_ms)
