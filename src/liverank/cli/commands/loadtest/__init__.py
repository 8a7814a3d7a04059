"""``liverank loadtest``: load a running server, and check objectives."""

import argparse
import secrets
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.automl.budget import StopToken
from liverank.cli.commands.loadtest.tables import show_load
from liverank.cli.project.clock import now_ms
from liverank.cli.terminal.interrupts import stopped_by_interrupt
from liverank.cli.terminal.progress import stage_progress
from liverank.errors import ConfigError, LoadTestError
from liverank.loadtest.objectives import parse_objective
from liverank.loadtest.run import Edge, Load, run_load
from liverank.loadtest.target import parse_address
from liverank.quantities import duration_ms

HELP = "load a running server, and check objectives"

MAX_DURATION_S = 3600
MAX_TIMEOUT_S = 60
_GENERATED_USERS = 10_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("url", metavar="URL", help="the server, e.g. http://localhost:8080")
    parser.add_argument(
        "--rate",
        type=_rate,
        default=100.0,
        help="rankings a second, or max to keep every connection busy (default: 100)",
    )
    parser.add_argument("--duration", default="10s", help="at most 1h (default: 10s)")
    parser.add_argument("--timeout", default="10s", help="time limit of a request (default: 10s)")
    parser.add_argument("--workers", type=_count, default=2, help="load processes (default: 2)")
    parser.add_argument(
        "--connections", type=_count, default=64, help="most open connections (default: 64)"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    _configure_rankings(parser)
    _configure_events(parser)
    parser.add_argument(
        "--objective",
        action="append",
        default=[],
        metavar="TEXT",
        help="fail unless it is met, e.g. 'p99<100ms' or errors=0; may be repeated",
    )
    parser.add_argument(
        "--plot",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show the distribution of latencies (default: yes)",
    )


def _configure_rankings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--candidates", type=_count, default=55, help="live items to rank (default: 55)"
    )
    parser.add_argument(
        "--no-items", action="store_true", help="name no candidates: rank all live items"
    )
    parser.add_argument("--limit", type=_count, default=50, help="items wanted (default: 50)")
    parser.add_argument("--surface", default="default", help="surface of the rankings")
    parser.add_argument(
        "--users", type=Path, metavar="FILE", help="ids of users, one a line; default: generated"
    )
    parser.add_argument(
        "--body", type=Path, metavar="FILE", help="send this body with every request"
    )
    parser.add_argument(
        "--check-every",
        type=_count,
        default=100,
        metavar="N",
        help="check one answer in N in full (default: 100)",
    )


def _configure_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events-rate", type=float, default=0.0, help="events a second (default: 0)"
    )
    parser.add_argument(
        "--events-batch", type=_count, default=20, help="events of a request (default: 20)"
    )
    parser.add_argument(
        "--event-types",
        default="impression,join",
        help="types of interactions, with commas (default: impression,join)",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Send, wait for the answers, report, and check the objectives."""
    address = parse_address(arguments.url)
    objectives = [parse_objective(text) for text in arguments.objective]
    load = _load(arguments)
    stop = StopToken()
    message = (
        "Stopping and reporting what was measured; press Ctrl-C again to abort without a report"
    )
    with (
        stopped_by_interrupt(stop, console, message),
        stage_progress(console) as on_progress,
    ):
        edge = Edge(secrets.token_hex(4), lambda: stop.stopped, now_ms, on_progress)
        report, latencies = run_load(address, load, objectives, edge)
    show_load(report, latencies, console, is_plotted=arguments.plot)
    result: dict[str, Any] = msgspec.to_builtins(report)
    if not report.ok:
        result["error"] = _why_not_ok(result)
    return result


def _load(arguments: argparse.Namespace) -> Load:
    """The load from the arguments. Raises LoadTestError."""
    duration_s = _seconds("--duration", arguments.duration)
    if duration_s > MAX_DURATION_S:
        raise LoadTestError(f"--duration {arguments.duration}: expected at most 1h")
    timeout_s = _seconds("--timeout", arguments.timeout)
    if timeout_s > MAX_TIMEOUT_S:
        raise LoadTestError(f"--timeout {arguments.timeout}: expected at most 60s")
    if arguments.connections < arguments.workers:
        raise LoadTestError(
            f"--connections {arguments.connections}: expected at least one for each of the "
            f"{arguments.workers} --workers"
        )
    if not 0 <= arguments.events_rate < float("inf"):
        raise LoadTestError(f"--events-rate {arguments.events_rate}: expected 0 or more")
    types = [name.strip() for name in arguments.event_types.split(",") if name.strip()]
    if not types:
        raise LoadTestError("--event-types: expected at least one type, such as join")
    return Load(
        rate=arguments.rate,
        duration_s=duration_s,
        timeout_s=timeout_s,
        workers=arguments.workers,
        connections=arguments.connections,
        seed=arguments.seed,
        candidates=None if arguments.no_items else arguments.candidates,
        limit=arguments.limit,
        surface=arguments.surface,
        users=_users(arguments.users),
        body=None if arguments.body is None else _text(arguments.body).strip(),
        check_every=arguments.check_every,
        events_rate=arguments.events_rate,
        events_batch=arguments.events_batch,
        event_types=types,
    )


def _users(file: Path | None) -> list[str]:
    if file is None:
        return [f"loadtest-user-{number}" for number in range(_GENERATED_USERS)]
    users = [line.strip() for line in _text(file).splitlines() if line.strip()]
    if not users:
        raise LoadTestError(f"{file}: contains no ids of users; expected one a line")
    return users


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadTestError(f"{file}: cannot be read: {error}") from None


def _seconds(option: str, text: str) -> float:
    try:
        return duration_ms(text) / 1000
    except ConfigError as error:
        raise LoadTestError(f"{option} {error}") from None


def _why_not_ok(result: dict[str, Any]) -> str:
    rank = result["rank"]
    if rank["wrong"]:
        return f"an answer was wrong: {rank['wrong'][0]}"
    missed = [one["objective"] for one in result["objectives"] if not one["met"]]
    if missed:
        return f"not met: {', '.join(missed)}"
    return f"no request was answered: {rank['errors'] or 'none was due'}"


def _rate(text: str) -> float | None:
    """A number above 0, or None for ``max``."""
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number above 0, or max")
    return rate


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number above 0")
    return int(text)
