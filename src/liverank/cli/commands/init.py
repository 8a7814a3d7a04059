"""``liverank init``: propose a liverank.toml from a sample of events."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from liverank.cli.project.importing import ImportCounts, reading_progress
from liverank.errors import ConfigError
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.declared import Declared
from liverank.events.schema.profile import profile_events
from liverank.events.sources.read_events import read_events
from liverank.tables.compressed import Progress

HELP = "propose a liverank.toml from a sample of your events"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "events", nargs="+", type=Path, metavar="EVENTS", help="a file or folder of events"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("liverank.toml"), help="default: liverank.toml"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Profile the events and write the proposal; an existing file is kept without --force."""
    out: Path = arguments.out
    if out.exists() and not arguments.force:
        raise ConfigError(f"{out}: exists already; give another --out, or --force to replace it")
    counts = ImportCounts(Declared())
    with reading_progress(arguments.events, console) as on_progress:
        profile = profile_events(_frames(arguments.events, on_progress, counts))
    text = propose_config(profile)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}") from None
    console.print(text, markup=False, soft_wrap=True)
    console.print(
        f"Wrote {out}. Next: review it, then `liverank ingest` the same events.", soft_wrap=True
    )
    if counts.rejected:
        console.print(f"{counts.rejected:,} rows are not events; `liverank validate` reports why.")
    return {
        "ok": True,
        "out": str(out),
        "label": profile.label,
        "events": sum(profile.events.values()),
        "rejected": counts.rejected,
        "interactions": {name: seen.count for name, seen in profile.interactions.items()},
        "fields": {
            entity: {name: field.guess for name, field in fields.items()}
            for entity, fields in (
                ("items", profile.items),
                ("users", profile.users),
                ("requests", profile.requests),
            )
        },
    }


def _frames(
    paths: Sequence[Path], on_progress: Progress, counts: ImportCounts
) -> Iterator[pl.DataFrame]:
    """The events in parts, counted as they are read."""
    for part in read_events(paths, on_progress=on_progress):
        counts.add(part)
        yield part.frame
