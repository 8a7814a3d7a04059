"""``liverank ingest``: read files of events and add them to the log."""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from liverank.cli.clock import now_ms
from liverank.cli.paths import add_config_argument, log_path
from liverank.config import load_config
from liverank.events.log import Imported, Log
from liverank.events.sources.files import Progress as OnProgress
from liverank.events.sources.files import find_files
from liverank.events.sources.reading import read_all

HELP = "read events from files and folders into the log"

_REASONS = 10


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
        help="take in this erased user again, from now on; may be given again",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Import the files; a rejected row is counted and told, and stops only a strict import."""
    config = load_config(arguments.config)
    started = time.monotonic()
    with reading_progress(arguments.paths, console) as on_progress:
        frame, rejected = read_all(arguments.paths, config.sources, on_progress=on_progress)
    refused = arguments.strict and rejected.height > 0
    imported = Imported(0, 0, None, None)
    allowed: list[str] = []
    if not refused:
        directory = log_path(arguments.config, config)
        with (
            console.status(f"Adding {frame.height:,} events to the log"),
            Log.open(directory, segment_rows=config.log.segment_rows) as log,
        ):
            allowed = [user for user in arguments.allow_erased if log.allow_erased(user)]
            imported = log.import_frame(frame, arrived_ms=now_ms())
    seconds = time.monotonic() - started
    result = {
        "ok": not refused and (frame.height > 0 or rejected.height == 0),
        "accepted": imported.accepted,
        "duplicates": imported.duplicates,
        "suppressed": imported.suppressed,
        "rejected": rejected.height,
        "reasons": rejected.head(_REASONS).to_dicts(),
        "seconds": round(seconds, 3),
        "events_per_s": round(frame.height / max(seconds, 1e-9)),
        "kinds": dict(sorted(frame["event"].value_counts().iter_rows())),
        "allowed": allowed,
    }
    if not refused:
        _tell_allowed(arguments.allow_erased, allowed, console)
    _tell(result, rejected, console)
    return result


@contextmanager
def reading_progress(paths: Sequence[Path], console: Console) -> Iterator[OnProgress]:
    """A bar over the bytes of the files; gives the function to call with each further stretch."""
    total = sum(file.path.stat().st_size for file in find_files(paths))
    columns = (
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading", total=total)
        yield lambda read: progress.advance(task, read)


def _tell_allowed(asked: Sequence[str], allowed: Sequence[str], console: Console) -> None:
    for user in dict.fromkeys(asked):
        word = "is taken in again" if user in allowed else "was not erased from this log"
        console.print(f"The user {user!r} {word}", markup=False, soft_wrap=True)


def _tell(result: dict[str, Any], rejected: pl.DataFrame, console: Console) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in result["kinds"].items())
    if not kinds and rejected.height:
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
                f"{result['suppressed']:,} were refused: they are of people who were erased "
                "(`--allow-erased ID` takes one in again)",
                soft_wrap=True,
            )
    else:
        console.print("Nothing was imported: --strict, and rows were rejected")
    if rejected.height:
        console.print(f"{rejected.height:,} rejected; the first reasons:")
        for where, reason in rejected.head(_REASONS).iter_rows():
            console.print(f"  {where}: {reason}", markup=False, soft_wrap=True)
