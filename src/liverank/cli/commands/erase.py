"""``liverank erase``: erase a user from the log, and remove the snapshots made from it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path, snapshots_path
from liverank.config import load_config
from liverank.errors import LogError
from liverank.events.log import Log
from liverank.serving.state.erase import remove_snapshots

HELP = "erase a user: their events, their id in the fields of other events, and snapshots"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("user", metavar="USER", help="the user's id, as in events")
    add_config_argument(parser)
    parser.add_argument("--yes", action="store_true", help="erase without asking")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """State what will be erased, ask, erase, and print the outcome."""
    config = load_config(arguments.config)
    directory = log_path(arguments.config, config)
    snapshots = snapshots_path(arguments.config, config)
    if not (directory / "log.sqlite").exists():
        raise LogError(f"{directory}: there is no log here to erase from; name its --config")
    if not arguments.yes and not _is_confirmed(arguments.user, directory, snapshots, console):
        console.print("Nothing was erased")
        return {"ok": False, "user": arguments.user, "error": "nothing was erased: not confirmed"}
    with Log.open(directory, segment_rows=config.log.segment_rows) as log:
        erased = log.erase(arguments.user, at_ms=now_ms())
    removed = remove_snapshots(snapshots)
    console.print(
        f"Erased {erased.rows:,} events, and the id from the fields of {erased.scrubbed:,} more; "
        f"{erased.segments:,} segments rewritten, {removed:,} snapshots removed"
    )
    return {
        "ok": True,
        "user": arguments.user,
        "rows": erased.rows,
        "scrubbed": erased.scrubbed,
        "segments_rewritten": erased.segments,
        "snapshots_removed": removed,
    }


def _is_confirmed(user: str, directory: Path, snapshots: Path, console: Console) -> bool:
    """State what will be erased, and ask. Raises LogError if there is no terminal."""
    if not sys.stdin.isatty():
        raise LogError("nothing was erased: there is no terminal to ask on; add --yes to erase")
    console.print(
        f"This erases the user {user!r} for good:\n"
        f"  from {directory}: all their events, edges to them, and their id in the fields "
        "of other events\n"
        f"  all snapshots in {snapshots}; a server makes new ones\n"
        "Backups, exports and imported files are not changed: erase them yourself. If they are "
        "imported again, events of this user are refused.",
        markup=False,
        soft_wrap=True,
    )
    console.print("Erase? [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
