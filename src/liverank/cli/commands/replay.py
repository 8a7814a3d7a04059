"""``liverank replay``: fold the log again; with ``--check``, compare it with what was served."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.autopilot.monitoring.served import check_log
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import Config, load_config
from liverank.dataset.served import Difference
from liverank.errors import DatasetError
from liverank.events.log import Log
from liverank.features.state.sizes import memory_warning
from liverank.serving.ranking.fallback import choose_level
from liverank.serving.state.log_fold import compile_fold, fold_log, initial_layout

HELP = "fold the log again, and check that what was served is what a replay gives"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the vectors that rankings logged with replayed ones, bit for bit",
    )
    parser.add_argument(
        "--since",
        type=moment_ms,
        metavar="TIME",
        help="with --check: only rankings from here on, RFC 3339 or Unix milliseconds",
    )
    parser.add_argument(
        "--sample",
        type=_whole_number,
        metavar="N",
        help="with --check: at most N rankings, spread over the log",
    )
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Replay the log; show the resulting state, or with ``--check`` the differences to serving."""
    if not arguments.check and (arguments.since is not None or arguments.sample is not None):
        arguments.refuse("--since and --sample choose what to --check; add --check")
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    with Log.open(log_path(arguments.config, config)) as log:
        if log.last_seq() == 0:
            raise DatasetError(
                f"{log_path(arguments.config, config)}: the log is empty; "
                "`liverank ingest PATH` or `liverank serve` fills it"
            )
        if not arguments.check:
            return _fold(log, config, root, console)
        return _check(log, config, root, console, arguments)


def _fold(log: Log, config: Config, root: Path, console: Console) -> dict[str, Any]:
    """Fold the whole log, as a server does when it starts, and summarize the state."""
    bundle = choose_level(root).bundle
    layout = initial_layout(log, config) if bundle is None else bundle.spec.layout
    compile_fold(layout, config)
    stats = log.stats()
    with stage_progress(console) as on_progress:

        def keep_going(seq: int) -> bool:
            on_progress("folding the log", seq / max(stats.last_seq, 1))
            return seq < stats.last_seq

        began = time.perf_counter()
        folded = fold_log(log, layout, config, keep_going=keep_going)
        seconds = time.perf_counter() - began
    console.print(
        f"{stats.rows:,} events in {seconds:.1f} s, {_per_s(stats.rows, seconds):,} a second"
    )
    sizes = folded.state.sizes
    console.print(f"  {sizes.rows:,} rows of state in {sizes.bytes / 1e6:,.1f} MB")
    console.print(f"  {sizes.swept:,} rows and histories swept for lying idle")
    console.print(f"  {folded.state.clamped:,} events had a clock that ran ahead")
    evictions = memory_warning(sizes)
    if evictions is not None:
        console.print(evictions, style="yellow", markup=False, soft_wrap=True)
    return {
        "ok": True,
        "bundle": None if bundle is None else bundle.version,
        "events": stats.rows,
        "seconds": round(seconds, 3),
        "events_per_s": _per_s(stats.rows, seconds),
        "last_seq": folded.seq,
        **sizes._asdict(),
        "clamped": folded.state.clamped,
    }


def _check(
    log: Log, config: Config, root: Path, console: Console, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Compare what was served with a replay, and show the differences."""
    began = time.perf_counter()
    with stage_progress(console) as on_progress:
        result = check_log(
            log,
            config,
            root,
            since_ms=arguments.since or 0,
            sample=arguments.sample,
            on_progress=lambda share: on_progress("checking", share),
        )
    seconds = time.perf_counter() - began
    checked = result.checked
    if result.logged == 0 and not result.skipped:
        console.print(
            "No ranking here carries vectors: a bundle must have ranked, and "
            "`serving.log_vectors` says which share of its rankings does",
            style="yellow",
            soft_wrap=True,
        )
    for reason, number in result.skipped.items():
        console.print(f"{number:,} rankings skipped: {reason}", style="yellow", markup=False)
    _show(checked.rankings, checked.rows, checked.mismatches, checked.differences, console)
    return {
        "ok": checked.mismatches == 0,
        "events": result.events,
        "seconds": round(seconds, 3),
        "events_per_s": _per_s(result.events, seconds),
        "rankings": checked.rankings,
        "rows": checked.rows,
        "mismatches": checked.mismatches,
        "differences": [asdict(one) for one in checked.differences],
        "skipped": result.skipped,
    }


def _show(
    rankings: int, rows: int, mismatches: int, shown: list[Difference], console: Console
) -> None:
    for one in shown:
        console.print(
            f"ranking {one.ranking}, item {one.item}, {one.feature}: "
            f"served {one.served:.9g}, replayed {one.replayed:.9g}",
            style="red",
            markup=False,
            soft_wrap=True,
        )
    if mismatches > len(shown):
        console.print(f"... and {mismatches - len(shown):,} more", style="red")
    console.print(f"{rankings:,} rankings, {rows:,} rows, {mismatches:,} mismatches")


def _per_s(events: int, seconds: float) -> int:
    return round(events / max(seconds, 1e-9))


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number above 0")
    return int(text)
