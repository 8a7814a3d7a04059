"""Each HTTP server before the same routes, in a process of its own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("liverank", "uvicorn", "granian")
_WAIT_S = 180.0  # it may have kernels to compile


@contextmanager
def running(name: str, project: Path, packages: Path) -> Iterator[tuple[int, int]]:
    """Run a server of that name; its process id and its port.

    ``packages`` is the folder that granian and uvicorn were installed into.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = Path(__file__).parent
    paths = [str(here.parent), str(packages)]
    process = subprocess.Popen(
        [sys.executable, str(here / "running.py"), name, str(project), str(port)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FRONTS_PROJECT": str(project)},
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + _WAIT_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b"alive" in client.recv(1000)
    except OSError:
        return False


def app() -> Callable[..., Awaitable[None]]:
    """The routes as an ASGI application."""
    from fronts.handler import ready_routes
    from liverank.serving.http.exchange import Answer, Request

    routes = ready_routes(Path(os.environ["FRONTS_PROJECT"]))

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        parts, more = [], True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        body = b"".join(parts)
        found = routes(Request(scope["method"], scope["path"], query, body, time.perf_counter()))
        if not isinstance(found, Answer):
            found = await found
        headers = [
            (b"content-type", found.content_type),
            (b"content-length", b"%d" % len(found.body)),
            *found.headers,
        ]
        start = {"type": "http.response.start", "status": found.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": found.body})

    return answer


def _serve_uvicorn(_project: Path, port: int) -> None:
    import uvicorn

    uvicorn.run(
        app(),
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        backlog=2048,
    )


def _serve_granian(_project: Path, port: int) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops

    Granian(
        "fronts.running:app",
        factory=True,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        workers=1,
        websockets=False,
        log_enabled=False,
        backlog=2048,
        backpressure=2048,
    ).serve()


def _serve_liverank(project: Path, port: int) -> None:
    import uvloop

    from fronts.handler import ready_routes
    from liverank.serving.http.limits import Limits
    from liverank.serving.http.server import HttpServer

    async def serve() -> None:
        http = HttpServer(ready_routes(project), limits=Limits())
        await http.start(socket.create_server(("127.0.0.1", port), backlog=2048))
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    serve = {"liverank": _serve_liverank, "uvicorn": _serve_uvicorn, "granian": _serve_granian}
    serve[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
