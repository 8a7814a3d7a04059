"""The events that a command works on: files that it is given, or the log."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from rich.console import Console

from liverank.autopilot.gather import Frames
from liverank.cli.ingest import reading_progress
from liverank.cli.paths import add_config_argument, log_path
from liverank.config import Config
from liverank.errors import DatasetError
from liverank.events.frame import in_import_order
from liverank.events.log import Log
from liverank.events.sources.reading import read_all

_BATCH_ROWS = 262_144


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--events``."""
    add_config_argument(parser)
    parser.add_argument(
        "--events",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="files or folders of events; default: the log",
    )


@contextmanager
def open_history(
    arguments: argparse.Namespace, config: Config, console: Console
) -> Iterator[Frames]:
    """Frames of the events in ``seq`` order. Raises DatasetError when there are none.

    Files are put into the order in which ``liverank ingest`` would bring them into the log, and an
    event whose id was there before is left out, as there.
    """
    if not arguments.events:
        with Log.open(log_path(arguments.config, config)) as log:
            if log.last_seq() == 0:
                raise DatasetError(
                    f"{log_path(arguments.config, config)}: the log is empty; "
                    "`liverank ingest PATH` fills it, or name files with --events"
                )
            yield log.read
        return
    with reading_progress(arguments.events, console) as on_progress:
        frame, rejected = read_all(arguments.events, config.sources, on_progress=on_progress)
    if rejected.height:
        first = rejected.row(0, named=True)
        console.print(
            f"[yellow]{rejected.height:,} rows were rejected[/yellow], the first at "
            f"{first['where']}: {first['reason']}"
        )
    if frame.is_empty():
        raise DatasetError(f"no events in {', '.join(map(str, arguments.events))}")
    frame = in_import_order(frame.unique(["event", "id"], keep="first", maintain_order=True))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    yield lambda: frame.iter_slices(_BATCH_ROWS)
