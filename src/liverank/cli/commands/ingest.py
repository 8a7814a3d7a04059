"""``liverank ingest``: read files of events and add them to the log."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.cli.project.importing import import_files
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import load_config
from liverank.events.log import ImportResult

HELP = "read events from files and folders into the log"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a file or folder of events: .jsonl, .csv, .tsv or .parquet, also .gz or .zst",
    )
    add_config_argument(parser)
    parser.add_argument(
        "--strict", action="store_true", help="import nothing when any row is rejected"
    )
    parser.add_argument(
        "--allow-erased",
        action="append",
        default=[],
        metavar="ID",
        help="accept events of this erased user again; may be repeated",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Import the files; rejected rows are reported, and stop only a strict import."""
    config = load_config(arguments.config)
    started = time.monotonic()
    imported, counts, allowed = import_files(
        log_path(arguments.config, config),
        arguments.paths,
        config,
        console,
        is_strict=arguments.strict,
        allow_erased=arguments.allow_erased,
    )
    result_of_log = imported or ImportResult(0, 0, None, None)
    seconds = time.monotonic() - started
    result = {
        "ok": imported is not None and (counts.events > 0 or counts.rejected == 0),
        "accepted": result_of_log.accepted,
        "duplicates": result_of_log.duplicates,
        "suppressed": result_of_log.suppressed,
        "rejected": counts.rejected,
        "reasons": counts.reasons,
        "warnings": counts.warnings,
        "seconds": round(seconds, 3),
        "events_per_s": round(counts.events / max(seconds, 1e-9)),
        "kinds": dict(sorted(counts.kinds.items())),
        "allowed": allowed,
    }
    if imported is not None:
        _show_allowed(arguments.allow_erased, allowed, console)
    _show(result, console)
    return result


def _show_allowed(asked: Sequence[str], allowed: Sequence[str], console: Console) -> None:
    for user in dict.fromkeys(asked):
        word = "is accepted again" if user in allowed else "was not erased from this log"
        console.print(f"The user {user!r} {word}", markup=False, soft_wrap=True)


def _show(result: dict[str, Any], console: Console) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in result["kinds"].items())
    if not kinds and result["rejected"]:
        console.print("Nothing was imported: no row is an event")
    elif result["ok"]:
        console.print(
            f"Imported {result['accepted']:,} events in {result['seconds']:.1f} s "
            f"({result['events_per_s']:,} a second): {kinds or 'none'}"
        )
        if result["duplicates"]:
            console.print(
                f"{result['duplicates']:,} were in the log already, or twice in the files"
            )
        if result["suppressed"]:
            console.print(
                f"{result['suppressed']:,} were refused: they belong to erased users "
                "(`--allow-erased ID` accepts one again)",
                soft_wrap=True,
            )
    else:
        console.print("Nothing was imported: --strict, and rows were rejected")
    for line in result["warnings"]:
        console.print(f"Warning: {line}", markup=False, soft_wrap=True)
    if result["rejected"]:
        console.print(f"{result['rejected']:,} rejected; the first reasons:")
        for one in result["reasons"]:
            console.print(f"  {one['where']}: {one['reason']}", markup=False, soft_wrap=True)
