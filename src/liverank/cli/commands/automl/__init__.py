"""``liverank automl``: find a model for a table, and write its report and a bundle."""

import argparse
import re
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.errors import ConfigError
from liverank.quantities import duration_ms

HELP = "find a model of a column of any table, within a time budget"

_PER_ROW = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|ms)(?:\s*/\s*row)?")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _add_table(parser)
    _add_search(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to put the bundle; default: TARGET.bundle"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a bundle that is there already"
    )


def _add_table(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tables and their columns."""
    parser.add_argument("train", type=Path, metavar="TRAIN", help="CSV, TSV or Parquet")
    parser.add_argument("--target", required=True, metavar="COL", help="the column to predict")
    parser.add_argument(
        "--test",
        type=Path,
        metavar="TEST",
        help="a table to evaluate the model on, which nothing learns from",
    )
    parser.add_argument(
        "--time", metavar="COL", help="when rows happened; the newest are the holdout rows"
    )
    parser.add_argument(
        "--chronological",
        action="store_true",
        help="rows are in the order of time, the oldest first, and no column says when",
    )
    parser.add_argument(
        "--time-format",
        metavar="FORMAT",
        help="how the --time column is written: a pattern such as '%%m/%%d/%%Y %%H:%%M', or iso, "
        "month_first, day_first, month_name, yyyymmdd, epoch_s, epoch_ms, epoch_us or epoch_ns",
    )
    parser.add_argument("--group", metavar="COL", help="rows that are never divided, such as users")
    parser.add_argument("--weight", metavar="COL", help="how much each row counts")
    parser.add_argument(
        "--split-column", metavar="COL", help="holds TRAIN, VALIDATE or TEST for each row"
    )
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        type=_typed,
        metavar="COL=TYPE",
        help="number, category, boolean, time, text or list, or time:FORMAT with a FORMAT as of "
        "--time-format; may be given again",
    )


def _add_search(parser: argparse.ArgumentParser) -> None:
    """Add the options of the search."""
    parser.add_argument(
        "--task", choices=("binary", "multiclass", "regression"), help="default: inferred"
    )
    parser.add_argument(
        "--positive",
        metavar="VALUE",
        help="of two classes the one that auc_pr, precision, recall and `probability` are of; "
        "default: true, yes or 1, else the later one",
    )
    parser.add_argument(
        "--objective",
        metavar="NAME",
        help="log_loss, auc, auc_pr, precision_at_recall=.9, recall_at_precision=.9, accuracy, "
        "rmse, mae, rmsle or r2; default: log_loss, or rmse of numbers",
    )
    parser.add_argument(
        "--gap",
        type=_duration_s,
        default=0.0,
        metavar="TIME",
        help="how late labels are known, such as 1d",
    )
    parser.add_argument(
        "--horizon",
        type=_horizon,
        metavar="TIME|ROWS",
        help="how far ahead the model will be used, such as 7d, or a number of rows; "
        "default: the newest tenth of the rows",
    )
    parser.add_argument(
        "--budget", type=_duration_s, default=60.0, metavar="TIME", help="default: 60s"
    )
    parser.add_argument(
        "--serving-budget",
        type=per_row_us,
        default=20.0,
        metavar="TIME",
        help="time to score a row, in batches of 55 on one core; default: 20us/row",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="default: 0, or the seed of the --plan"
    )
    parser.add_argument(
        "--plan", type=Path, metavar="FILE", help="run the plan.json of an earlier bundle again"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Search, and write the bundle."""
    started_s = time.monotonic()
    # imported here, so that the import time of libraries counts against the budget
    from liverank.cli.commands.automl.search import search_and_write

    return search_and_write(arguments, console, started_s=started_s)


def per_row_us(text: str) -> float:
    """Microseconds a row.

    >>> per_row_us("100us/row"), per_row_us("0.05ms")
    (100.0, 50.0)
    """
    match = _PER_ROW.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f'"{text}"; expected such as "20us/row" or "0.1ms"')
    return float(match[1]) * (1000.0 if match[2] == "ms" else 1.0)


def command_line(arguments: argparse.Namespace) -> str:
    """The command line that repeats this search, without the path of its bundle."""
    words: list[str] = ["liverank", "automl", str(arguments.train)]
    options: dict[str, object] = {
        "--target": arguments.target,
        "--test": arguments.test,
        "--time": arguments.time,
        "--time-format": arguments.time_format,
        "--group": arguments.group,
        "--weight": arguments.weight,
        "--split-column": arguments.split_column,
        "--task": arguments.task,
        "--positive": arguments.positive,
        "--objective": arguments.objective,
        "--gap": f"{arguments.gap:g}s" if arguments.gap else None,
        "--horizon": arguments.horizon,
        "--budget": f"{arguments.budget:g}s",
        "--serving-budget": f"{arguments.serving_budget:g}us/row",
        "--plan": arguments.plan,
        "--seed": (None if arguments.plan else 0) if arguments.seed is None else arguments.seed,
    }
    for name, value in options.items():
        words += [] if value is None else [name, str(value)]
    words += ["--chronological"] if arguments.chronological else []
    for name, kind in arguments.type:
        words += ["--type", f"{name}={kind}"]
    return shlex.join(words)


def _duration_s(text: str) -> float:
    try:
        seconds = duration_ms(text) / 1000
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds == float("inf"):
        raise argparse.ArgumentTypeError('"forever" has no end; expected such as "60s" or "1h"')
    return seconds


def _horizon(text: str) -> str:
    from liverank.automl.data.horizon import read_horizon  # only where it is asked for

    try:
        read_horizon(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _typed(text: str) -> Sequence[str]:
    match = re.fullmatch(r"(.+)=(\w+(?::.*)?)", text, re.DOTALL)
    if match is None:
        raise argparse.ArgumentTypeError(
            f'"{text}"; expected COL=TYPE, such as "zip=category" or "at=time:%d/%m/%y"'
        )
    return match[1], match[2]
