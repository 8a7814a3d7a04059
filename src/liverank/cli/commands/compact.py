"""``liverank compact``: move the newest events into segments, and drop expired events."""

import argparse
from typing import Any

from rich.console import Console

from liverank.autopilot.history.carried import carry_over
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import load_config
from liverank.events.log import Log
from liverank.quantities import duration_ms

HELP = "move the newest events into segments, and drop events older than `log.keep`"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--min-rows",
        type=int,
        default=1,
        metavar="N",
        help="move nothing while the newest events are fewer than N (default: 1)",
    )
    parser.add_argument(
        "--verify", action="store_true", help="also check the content of every segment"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Compact the log, drop expired events, and print the outcome."""
    config = load_config(arguments.config)
    directory = log_path(arguments.config, config)
    keep_ms = duration_ms(config.log.keep)
    with Log.open(directory, segment_rows=config.log.segment_rows) as log:
        moved = log.compact(min_rows=arguments.min_rows)
        at_ms, carried, expired = int(now_ms()), 0, 0
        if at_ms > keep_ms:
            before_ms = at_ms - int(keep_ms)
            carried = carry_over(log, before_ms, at_ms=at_ms)
            expired = log.expire(before_ms)
        verified = log.verify() if arguments.verify else None
        stats = log.stats()
    console.print(f"[bold]{directory}[/bold]")
    console.print(f"  {moved:,} events moved into segments")
    console.print(f"  {expired:,} events dropped (log.keep = {config.log.keep!r})")
    if carried:
        console.print(f"  {carried:,} events of autopilot that still hold logged again")
    if verified is not None:
        console.print(f"  {verified:,} segments verified")
    console.print(
        f"  {stats.rows:,} events in {stats.segments:,} segments and a tail of "
        f"{stats.tail_rows:,}; {stats.bytes / 1e6:,.1f} MB"
    )
    return {
        "ok": True,
        "moved": moved,
        "expired": expired,
        "carried": carried,
        "verified": verified,
        **stats._asdict(),
    }
