"""``liverank serve``: take in events and rank over HTTP."""

import argparse
import contextlib
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console

from liverank.cli.clock import now_ms
from liverank.cli.paths import add_config_argument, data_path, log_path, snapshots_path
from liverank.config import Config, load_config
from liverank.errors import ServingError
from liverank.events.log import Log
from liverank.serving.app import make_app
from liverank.serving.ranking.fallback import Rung, choose_rung, fixed_rung
from liverank.serving.server import Server
from liverank.serving.state.current import Current, View
from liverank.serving.state.log_fold import settle_layout
from liverank.serving.state.snapshot_process import SnapshotTaker

HELP = "take in events and rank over HTTP"

_DRAIN_S = 10
"""How long requests in flight may take when the server stops."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--bundle", type=Path, metavar="DIR", help="serve this bundle, whatever is promoted"
    )
    parser.add_argument("--host", help="address to listen on; default: the config's")
    parser.add_argument("--port", type=int, help="port; default: the config's; 0 takes a free one")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Serve until SIGTERM or SIGINT, then finish the requests and log the rankings."""
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    rung = choose_rung(root) if arguments.bundle is None else fixed_rung(arguments.bundle)
    listening = _listen(arguments, config)
    _allow_connections()
    with listening, Log.open(log_path(arguments.config, config)) as log:
        layout = settle_layout(log, config) if rung.bundle is None else rung.bundle.spec.layout
        address = _address(listening)
        console.print(f"Listening on {address}", soft_wrap=True)
        console.print(_what_ranks(rung), soft_wrap=True)
        began = time.perf_counter()
        failures: list[BaseException] = []

        def tell_ready(view: View) -> None:
            seconds = time.perf_counter() - began
            console.print(f"Ready: {view.folded.seq:,} events in {seconds:.1f} s", soft_wrap=True)

        def fail(error: BaseException) -> None:
            failures.append(error)
            http.should_exit = True

        bundles = root if arguments.bundle is None else None
        snapshots = snapshots_path(arguments.config, config)
        server = Server(
            log,
            config,
            Current(log, config, rung, layout, bundles=bundles, snapshots=snapshots),
            snapshots=snapshots,
            taker=_snapshot_taker(arguments, config),
            clock_ms=now_ms,
            on_ready=tell_ready,
            on_failure=fail,
        )
        http = _http_server(server)
        _serve(http, listening)
        if failures:
            raise failures[0]
    return {"ok": True, "address": address, "rankings_lost": server.writer.lost}


def _listen(arguments: argparse.Namespace, config: Config) -> socket.socket:
    """A bound socket. Raises ServingError when the address is taken or is not ours."""
    host = config.serving.host if arguments.host is None else arguments.host
    port = config.serving.port if arguments.port is None else arguments.port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError, TypeError, UnicodeError) as error:
        raise ServingError(
            f"cannot listen on {host}:{port}: {error}; choose another --host or --port (0 takes a "
            "free one)"
        ) from None


def _allow_connections() -> None:
    """Raise the soft limit of open files to the hard one: idle clients soon hold a thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems refuse their own limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _what_ranks(rung: Rung) -> str:
    if rung.fallback is None and rung.bundle is not None:
        return f"Ranking by bundle {rung.bundle.version}"
    ranks = "most popular now" if rung.bundle is None else f"bundle {rung.bundle.version}"
    return f"Ranking by {ranks}: {rung.reason}"


def _snapshot_taker(arguments: argparse.Namespace, config: Config) -> SnapshotTaker | None:
    """Who runs ``liverank snapshot`` now and then; None where the config says never."""
    every_s = config.serving.snapshot_every_s
    if every_s is None:
        return None
    command = [sys.executable, "-m", "liverank", "snapshot", "--config", str(arguments.config)]
    if arguments.bundle is not None:
        command += ["--bundle", str(arguments.bundle)]
    return SnapshotTaker(command, every_s=every_s)


def _http_server(server: Server) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            make_app(server),
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )


def _serve(http: uvicorn.Server, listening: socket.socket) -> None:
    """Run until a signal. uvicorn raises the signal again when it is done; here it has done all."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda _number, _frame: None)
    try:
        http.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
