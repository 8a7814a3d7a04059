"""``liverank backtest``: compare the model's past rankings with popularity."""

import argparse
import time
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from liverank.autopilot.backtest import TRUE, Backtest, run_backtest
from liverank.autopilot.gate import MODEL
from liverank.cli.project.event_input import add_history_arguments, open_history
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config

HELP = "replay history: train before a time, test every list after it against popularity"

_METRICS = ("list_auc", "ndcg@10", "mrr", "hit_rate@10", "auc", "log_loss")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_history_arguments(parser)
    parser.add_argument(
        "--test-from",
        required=True,
        type=moment_ms,
        metavar="TIME",
        help="RFC 3339 or Unix milliseconds: train on what came before, test on the rest",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run the backtest and show a row for each method."""
    started = time.monotonic()
    config = load_config(arguments.config)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        found = run_backtest(
            frames, config, test_from_ms=arguments.test_from, on_progress=on_progress
        )
    seconds = time.monotonic() - started
    console.print(backtest_table(found))
    for note in found.notes:
        console.print(f"Note: {note}.")
    return {
        "methods": found.methods,
        "best_heuristic": found.best_heuristic,
        "differences": found.differences,
        "rows": found.rows,
        "training_rows": found.training_rows,
        "features": list(found.trained.spec.names),
        "notes": list(found.notes),
        "importance": found.trained.report.importance,
        "seconds": round(seconds, 3),
    }


def backtest_table(found: Backtest) -> Table:
    """A row for each method, and the model's difference to the best heuristic; fits 80 columns."""
    table = Table(
        title="Lists of the test period, ranked by each method",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("method", no_wrap=True)
    known = [*_METRICS, TRUE] if TRUE in found.methods[MODEL] else _METRICS
    for metric in known:
        table.add_column(metric, justify="right", no_wrap=True)
    table.add_column("lists", justify="right", no_wrap=True)
    for name, figures in found.methods.items():
        style = "bold green" if name == MODEL else "bold" if name == found.best_heuristic else ""
        cells = [_figure(figures.get(metric)) for metric in known]
        table.add_row(name, *cells, str(figures["lists"]), style=style)
    table.caption = "\n".join(
        f"{metric}: model less {found.best_heuristic} {_figure(difference['value'], '+')}, "
        f"95 % from {_figure(difference['low'], '+')} to {_figure(difference['high'], '+')}"
        for metric, difference in found.differences.items()
        if difference["value"] is not None
    )
    return table


def _figure(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4f}"
