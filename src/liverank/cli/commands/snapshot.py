"""``liverank snapshot``: write the state folded from the log, for servers to start from."""

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.cli.project.paths import add_config_argument, data_path, log_path, snapshots_path
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config
from liverank.errors import LogError
from liverank.events.log import Log
from liverank.serving.ranking.fallback import choose_level, fixed_level
from liverank.serving.state.log_fold import compile_fold, initial_layout
from liverank.serving.state.snapshots import take_snapshot

HELP = "write the state folded from the log, so that a server starts faster"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="DIR",
        help="for a server that serves this bundle, as in `serve`",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Fold the events after the last snapshot, write a new one, and print the outcome."""
    config = load_config(arguments.config)
    directory = log_path(arguments.config, config)
    folder = snapshots_path(arguments.config, config)
    if not (directory / "log.sqlite").exists():
        raise LogError(
            f"{directory}: there is no log here to make a snapshot of; name its --config"
        )
    root = data_path(arguments.config, config)
    bundle = (
        choose_level(root) if arguments.bundle is None else fixed_level(arguments.bundle)
    ).bundle
    began = time.perf_counter()
    with Log.open(directory) as log, stage_progress(console) as on_progress:
        layout = initial_layout(log, config) if bundle is None else bundle.spec.layout
        compile_fold(layout, config)
        last_seq = max(log.last_seq(), 1)

        def keep_going(seq: int) -> bool:
            on_progress("folding the log", min(seq / last_seq, 1.0))
            return True

        result = take_snapshot(log, layout, config, folder, keep_going=keep_going)
    seconds = time.perf_counter() - began
    if result.written:
        console.print(
            f"Wrote a snapshot of {result.bytes / 1e6:,.1f} MB up to event {result.seq:,}, "
            f"starting from event {result.began:,}, in {seconds:.1f} s"
        )
    else:
        console.print(f"No snapshot was written: {result.reason}")
    return {"ok": True, **result._asdict(), "seconds": round(seconds, 3)}
