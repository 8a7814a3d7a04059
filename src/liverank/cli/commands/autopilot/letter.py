"""``liverank autopilot letter``: what people got out of a week, what changed, what to look at."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.letter.html import render_html
from liverank.autopilot.letter.markdown import render_markdown
from liverank.autopilot.letter.period import Period, letter_due, period_of_week, week_until
from liverank.autopilot.letter.write import FOLDER, write_letter
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.config_autopilot import Autopilot
from liverank.durable import write_durably
from liverank.errors import ConfigError, DatasetError
from liverank.events.log import Log

HELP = "write the letter about a week: value, changes, releases, troubles, what to look at"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--week", metavar="WEEK", help="an ISO week, e.g. 2026-W49")
    which.add_argument(
        "--until", type=moment_ms, metavar="TIME", help="the seven days before this time"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="default: letters in the data directory"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the page here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the text here")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Write the letter. Raises DatasetError for an empty log, ConfigError, LogError."""
    config = load_config(arguments.config)
    directory = log_path(arguments.config, config)
    folder = arguments.out or data_path(arguments.config, config) / FOLDER
    with Log.open(directory, segment_rows=config.log.segment_rows) as log:
        newest_ms = log.stats().newest_ms
        if newest_ms is None:
            raise DatasetError(f"{directory}: the log is empty, so there is nothing to write about")
        autopilot = config.autopilot or Autopilot()
        period = _period(arguments, autopilot)
        try:
            written = write_letter(log, config, folder, period, at_ms=now_ms())
            if arguments.html is not None:
                write_durably(arguments.html, render_html(written.letter).encode())
            if arguments.markdown is not None:
                write_durably(arguments.markdown, render_markdown(written.letter).encode())
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from None
    letter = written.letter
    console.print(letter.headline, markup=False, soft_wrap=True)
    for advice in letter.advice:
        console.print(f"Look at: {advice.what}. {advice.next_step}", markup=False, soft_wrap=True)
    console.print(f"The letter is in {written.html} and {written.markdown}", markup=False)
    return {
        "ok": True,
        "html": str(written.html),
        "markdown": str(written.markdown),
        "letter": msgspec.to_builtins(letter),
    }


def _period(arguments: argparse.Namespace, autopilot: Autopilot) -> Period:
    """The period that is asked for; by default the last whole one."""
    if arguments.week is not None:
        return period_of_week(arguments.week)
    if arguments.until is not None:
        return week_until(int(arguments.until))
    day = "monday" if autopilot.letter == "never" else autopilot.letter
    period = letter_due(day, at_ms=now_ms(), last_ms=None, first_ms=0)
    assert period is not None
    return period
