"""``liverank experiment report``: the decision on an experiment, and the evidence for it."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich.console import Console

from liverank.cli.commands.experiment.report_tables import print_report
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import Config, load_config
from liverank.errors import ExperimentError
from liverank.events.event import ExperimentChange
from liverank.events.log import Log
from liverank.experiments.gathering.impressions import stands_for_impressions
from liverank.experiments.reporting.history import with_changes
from liverank.experiments.reporting.html.page import render_report
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import ReportInput, report_input_of

HELP = "decide on an experiment: ship, stop or wait, with the evidence"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="as in [experiments.NAME]")
    add_config_argument(parser)
    parser.add_argument(
        "--at",
        type=moment_ms,
        metavar="TIME",
        help="report as of this time: RFC 3339 or Unix milliseconds; default: the log's newest",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write it as one HTML page")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Report, and write the HTML page if requested. Raises ExperimentError, LogError."""
    config = load_config(arguments.config)
    with open_log(arguments, config) as log:
        asked = asked_in_log(config, arguments.name, log, arguments.at)
        with frames_with_progress(log, asked.wanted().columns, console) as frames:
            found = report_of(asked, frames)
    print_report(found, console)
    if arguments.html is not None:
        write_page(arguments.html, render_report(found))
        console.print(f"The page is in {arguments.html}.")
    return {"ok": True, **msgspec.to_builtins(found)}


@contextmanager
def open_log(arguments: argparse.Namespace, config: Config) -> Iterator[Log]:
    """The project's log. Raises ExperimentError if it is empty."""
    directory = log_path(arguments.config, config)
    with Log.open(directory, segment_rows=config.log.segment_rows) as log:
        if log.last_seq() == 0:
            raise ExperimentError(
                f"{directory}: the log is empty; `liverank serve` or `liverank ingest` fills it "
                "with rankings of the experiment"
            )
        yield log


@contextmanager
def frames_with_progress(
    log: Log, columns: Sequence[str], console: Console
) -> Iterator[Iterable[pl.DataFrame]]:
    """The log's frames, with a progress bar."""
    last = log.last_seq()
    with stage_progress(console) as on_progress:

        def frames() -> Iterator[pl.DataFrame]:
            for frame in log.read(to_seq=last, columns=columns):
                on_progress("reading the log", float(frame["seq"][-1]) / last)
                yield frame

        yield frames()


def asked_in_log(config: Config, name: str, log: Log, at_ms: float | None) -> ReportInput:
    """The input of the requested report, from the config and the log."""
    newest = log.stats().newest_ms
    assert newest is not None
    listed = stands_for_impressions(
        config.impressions, lambda columns: log.read(columns=tuple(columns))
    )
    now_ms = int(newest if at_ms is None else at_ms)
    asked = report_input_of(config, name, now_ms=now_ms, listed=listed)
    changes = [change.event for change in log.experiment_changes()]
    return with_changes(asked, [one for one in changes if isinstance(one, ExperimentChange)])


def write_page(path: Path, page: str) -> None:
    """Write a page. Raises ExperimentError if that fails."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be written: {error.strerror}") from None
