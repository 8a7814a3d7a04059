"""``liverank serve``: accept events and rank over HTTP."""

import argparse
import contextlib
import os
import resource
import socket
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path, snapshots_path
from liverank.config import Config, load_config
from liverank.errors import ServingError
from liverank.events.log import Log
from liverank.serving.processes.board import Board
from liverank.serving.processes.deployment import Deployment
from liverank.serving.processes.supervisor import Supervisor
from liverank.serving.processes.warm import warm_up
from liverank.serving.ranking.fallback import FallbackLevel, choose_level, fixed_level
from liverank.serving.server_log.events import write_event
from liverank.serving.server_log.lines import start_server_log
from liverank.serving.simulated.simulation import Simulation

HELP = "accept events and rank over HTTP"

_BACKLOG = 2048


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--bundle", type=Path, metavar="DIR", help="serve this bundle instead of the promoted one"
    )
    parser.add_argument("--host", help="address to listen on; default: the config's")
    parser.add_argument("--port", type=int, help="port; default: the config's; 0 takes a free one")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that rank; default: one per core"
    )
    parser.add_argument(
        "--simulated",
        action="store_true",
        help="take the time from events, for a simulated world; never for real users",
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="format of the server's own log, on stderr (default: text)",
    )
    parser.add_argument(
        "--no-autopilot",
        action="store_true",
        help="only serve, whatever [autopilot] says: it runs elsewhere, or from cron",
    )
    parser.add_argument(
        "--access-log", action="store_true", help="write each request to the server's own log"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Serve until SIGTERM, SIGINT or SIGHUP, then finish requests and log their rankings."""
    began = time.perf_counter()
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    level = choose_level(root) if arguments.bundle is None else fixed_level(arguments.bundle)
    _allow_connections()
    n_workers = _workers(arguments.workers, is_simulated=arguments.simulated)
    log = log_path(arguments.config, config)
    simulation = _simulation(log) if arguments.simulated else None
    with contextlib.ExitStack() as closing:
        if simulation is not None:
            closing.callback(simulation.close)
        listening = _listen(arguments, config, n_workers)
        for one in listening:
            closing.enter_context(one)
        address = _address(listening[0])
        start_server_log(arguments.log_format)
        console.print(f"Listening on {address}", soft_wrap=True)
        console.print(_ranking_by(level), soft_wrap=True)
        if simulation is not None:
            _warn_simulated(simulation, console)
        _write_start(address, level, n_workers)
        warm_up(level, config)

        def report_ready(seq: int) -> None:
            seconds = time.perf_counter() - began
            summary = f"{seq:,} events in {seconds:.1f} s"
            console.print(f"Ready: {summary}", soft_wrap=True)
            write_event("ready", f"ready, after {summary}", seq=seq, seconds=round(seconds, 1))

        board = Board(n_workers, tuple(config.surfaces))
        deployment = Deployment(
            config=config,
            log=log,
            snapshots=snapshots_path(arguments.config, config),
            bundles=root if arguments.bundle is None else None,
            bundle=arguments.bundle,
            take_snapshot=_snapshot_command(arguments),
            snapshot_every_s=None if simulation is not None else config.serving.snapshot_every_s,
            clock_ms=now_ms,
            has_access_log=arguments.access_log,
            simulation=simulation,
            run_autopilot=_autopilot_command(arguments, config),
        )
        try:
            Supervisor(deployment, board, listening, on_ready=report_ready).run()
        finally:
            _write_end(board, time.perf_counter() - began)
    lost = int(board.workers["rankings_lost"].sum())
    return {"ok": True, "address": address, "rankings_lost": lost}


def _workers(requested: int | None, *, is_simulated: bool) -> int:
    """Number of processes that rank. Raises ServingError if the requested one is not allowed."""
    if requested is not None and requested < 1:
        raise ServingError(f"--workers is {requested}; expected 1 or more")
    if is_simulated and requested is not None and requested > 1:
        raise ServingError(
            f"--workers is {requested}; with --simulated there is one worker, so that requests are "
            "answered in the order in which they arrive: omit --workers"
        )
    if is_simulated:
        return 1
    if requested is not None:
        return requested
    affinity = getattr(os, "sched_getaffinity", None)  # missing on some systems
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _simulation(log: Path) -> Simulation:
    """Simulated time that starts at the newest event of the log. Raises LogError."""
    with Log.open(log) as opened:
        return Simulation(now_ms=opened.stats().newest_ms or 0)


def _warn_simulated(simulation: Simulation, console: Console) -> None:
    """Warn on the console and in the server's log that time is simulated."""
    what = (
        "SIMULATED TIME: only events move the clock, and deadlines are ignored; never use this "
        "server for real users"
    )
    console.print(f"[bold red]{what}[/]", soft_wrap=True)
    write_event("simulated", what, at_ms=simulation.clock_ms())


def _listen(arguments: argparse.Namespace, config: Config, n_workers: int) -> list[socket.socket]:
    """A bound socket for each worker. Raises ServingError if the address is not available.

    The sockets share the port, and the system distributes connections over them.
    """
    host = config.serving.host if arguments.host is None else arguments.host
    port = config.serving.port if arguments.port is None else arguments.port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()  # fails if the port is in use
        sockets: list[socket.socket] = []
        for _ in range(n_workers):
            bound_port = sockets[0].getsockname()[1] if sockets else port
            sockets.append(
                socket.create_server(
                    (host, bound_port),
                    family=family,
                    backlog=_BACKLOG,
                    reuse_port=n_workers > 1,
                    dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
                )
            )
    except (OSError, OverflowError, TypeError, UnicodeError) as error:
        raise ServingError(
            f"cannot listen on {host}:{port}: {error}; choose another --host or --port (0 takes a "
            "free one)"
        ) from None
    return sockets


def _allow_connections() -> None:
    """Raise the soft limit of open files to the hard one, for many idle connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems refuse their own limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _write_start(address: str, level: FallbackLevel, n_workers: int) -> None:
    bundle = None if level.bundle is None else level.bundle.version
    what = f"starting with {n_workers} workers on {address}; {_ranking_by(level)}"
    write_event("start", what, address=address, workers=n_workers, bundle=bundle)


def _write_end(board: Board, seconds: float) -> None:
    """Write to the server's log that it stopped, with the numbers of rankings made and lost."""
    lost, ranked = int(board.workers["rankings_lost"].sum()), int(board.latency.sum())
    what = f"stopped after {seconds:,.0f} s and {ranked:,} rankings, of which {lost:,} were lost"
    write_event("end", what, seconds=round(seconds, 1), rankings=ranked, rankings_lost=lost)


def _ranking_by(level: FallbackLevel) -> str:
    if level.fallback is None and level.bundle is not None:
        return f"Ranking by bundle {level.bundle.version}"
    ranks = "most popular now" if level.bundle is None else f"bundle {level.bundle.version}"
    return f"Ranking by {ranks}: {level.reason}"


def _autopilot_command(arguments: argparse.Namespace, config: Config) -> tuple[str, ...]:
    """The command that keeps the deployment up to date; none where that is not wanted."""
    is_fixed = arguments.bundle is not None
    if config.autopilot is None or arguments.simulated or is_fixed or arguments.no_autopilot:
        return ()
    command = [sys.executable, "-m", "liverank", "autopilot", "run", "--with-parent"]
    return (*command, "--log-format", arguments.log_format, "--config", str(arguments.config))


def _snapshot_command(arguments: argparse.Namespace) -> tuple[str, ...]:
    command = [sys.executable, "-m", "liverank", "snapshot", "--config", str(arguments.config)]
    if arguments.bundle is not None:
        command += ["--bundle", str(arguments.bundle)]
    return tuple(command)
