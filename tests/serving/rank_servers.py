"""A real rank server in a process of its own, for tests to talk to."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np
from server_nursery import Forked, fork_server

from liverank.bundle.bundle import pack_bundle
from liverank.bundle.files import PackedBundle
from liverank.config import parse_config
from liverank.events.schema.schema import Schema
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term

CONFIG = """
[label]
interaction = "join"
within = "10m"

[users.fields]
language = "category"

[items.fields]
host = "key"
topics = "keys"
language = "category"

[requests.fields]
device = "category"
"""
SCHEMA = Schema(
    users={"language": "category"},
    items={"host": "key", "topics": "keys", "language": "category"},
    requests={"device": "category"},
    levels={"items.language": ("en", "pt"), "users.language": ("en", "pt")},
    interactions=("join", "leave"),
    positive=("join",),
)


class RunningServer:
    """A server process, and a client of it."""

    def __init__(self, process: Forked | subprocess.Popen[str], url: str, stderr: Path) -> None:
        self.process = process
        self.stderr = stderr
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=20)

    def reconnect(self) -> None:
        """Forget connections, of which some may be to a worker that was killed."""
        self.client.close()
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def send(self, *events: dict[str, Any]) -> httpx.Response:
        return self.client.post("/v1/events", json=events)

    def send_and_fold(self, *events: dict[str, Any]) -> httpx.Response:
        """Send events with one more item behind them, and wait until that one is live."""
        marker = f"marker-{secrets.token_hex(4)}"
        response = self.send(*events, room(marker))
        for _ in range(500):
            listed = self.client.get("/v1/items", params={"limit": 10_000}).json()["items"]
            if any(item["item"] == marker for item in listed):
                return response
            time.sleep(0.01)
        raise AssertionError(f"not folded: {self.client.get('/healthz').text}")

    def rank(self, **request: Any) -> dict[str, Any]:
        """Rank; by default with all the time that a busy machine takes."""
        response = self.client.post("/v1/rank", json={"deadline_ms": 20_000, **request})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def ranked_ids(self, **request: Any) -> list[str]:
        return [item["item"] for item in self.rank(**request)["items"]]

    def health(self) -> dict[str, Any]:
        return self.ask("/healthz")

    def ask(self, path: str) -> Any:
        """What a route says, on a new connection: whichever worker that comes to."""
        return msgspec.json.decode(self.text(path))

    def text(self, path: str) -> bytes:
        """The body of a route's answer, on a new connection."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    def pids(self) -> dict[str, int]:
        """Its processes but the supervisor, by what they do; those that live."""
        pids: dict[str, int] = self.health()["pids"]
        return pids

    def wait_for(self, is_so: Callable[[dict[str, Any]], bool], seconds: float = 20) -> float:
        """Ask for its health until that is so; how many seconds it took."""
        began = time.monotonic()
        said: dict[str, Any] = {}
        while not said or not is_so(said):
            assert time.monotonic() - began < seconds, said
            with suppress(OSError, HTTPException):  # the one that would have answered was killed
                said = self.health()
            time.sleep(0.005)
        return time.monotonic() - began

    def said(self) -> str:
        """What it wrote to its own log."""
        return self.stderr.read_text()

    def kill(self) -> None:
        """Kill the supervisor, and wait until the others have ended too."""
        self.process.kill()
        self.process.communicate(timeout=30)

    def kill_all(self) -> None:
        """Kill every process at once."""
        pids = [self.process.pid, *self.pids().values()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, number: int = signal.SIGTERM, *, all_processes: bool = False) -> str:
        """Stop it the orderly way; what it printed last."""
        if all_processes:  # as a terminal does
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, output
        return output


@contextmanager
def running_server(
    directory: Path, *arguments: str, config: str = CONFIG
) -> Iterator[RunningServer]:
    """Serve the project in a directory on a free port, and wait until it is ready.

    The first server of a directory is forked, a later one has an interpreter of its own: what was
    kept must mean the same to it.
    """
    directory.mkdir(exist_ok=True)
    (directory / "liverank.toml").write_text(config)
    process, stderr = _started(directory, ["serve", "--port", "0", "--workers", "2", *arguments])
    assert process.stdout is not None
    server = None
    try:
        lines = []
        while not lines or not lines[-1].startswith("Ready"):
            lines.append(process.stdout.readline())
            assert lines[-1], f"the server did not start: {lines} {stderr.read_text()}"
        server = RunningServer(process, lines[0].split()[-1], stderr)
        yield server
    finally:
        if server is not None:
            server.client.close()
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _started(directory: Path, words: list[str]) -> tuple[Forked | subprocess.Popen[str], Path]:
    """A process of ``liverank`` in a directory, and the file of what it writes to stderr."""
    stderr = directory / "stderr.txt"
    is_first = not stderr.exists()
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    with stderr.open("a") as told:
        if is_first:
            return fork_server(directory, words, told, env), stderr
        process = subprocess.Popen(
            [sys.executable, "-m", "liverank", *words],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            env=env,
            start_new_session=True,
        )
    return process, stderr


class Report(msgspec.Struct):
    note: str = "made by hand"


def a_spec(schema: Schema = SCHEMA) -> FeatureSpec:
    return derive_spec(schema, parse_config(CONFIG))


def a_bundle(spec: FeatureSpec, *, seed: int = 0) -> PackedBundle:
    """A bundle with a random model that reads every feature."""
    width = len(spec.names)
    random = np.random.default_rng(seed)
    forest = Forest(
        n_features=width,
        starts=np.array([0, 3], np.int32),
        feature=np.array([1, -1, -1], np.int32),
        threshold=np.array([0.5, 0, 0], np.float32),
        left=np.array([1, 0, 0], np.int32),
        nan_left=np.array([True, False, False]),
        value=np.array([0.0, -0.1, 0.2]),
    )
    linear = Linear(
        low=np.full(width, -3.0),
        high=np.full(width, 3.0),
        logarithmic=np.zeros(width, bool),
        mean=np.zeros(width),
        weight=random.normal(size=width) / 10,
        missing_weight=random.normal(size=width) / 10,
        intercept=np.array([0.1]),
    )
    terms = (Term(forest, 0, 1.0), Term(linear, 0, 1.0))
    return pack_bundle(
        spec=spec,
        heads={"join": Predictor(terms, Calibrator.none(1), "sigmoid", ("no", "yes"))},
        report=Report(),
        golden=random.normal(size=(5, width)).astype(np.float32),
        created_ms=1000 + seed,
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def room(item: str, state: str = "started", **fields: Any) -> dict[str, Any]:
    return {"event": "item", "time": now_ms(), "item": item, "state": state, "fields": fields}


def person(user: str, **fields: Any) -> dict[str, Any]:
    return {"event": "user", "time": now_ms(), "user": user, "fields": fields}


def act(type_: str, user: str, item: str, **more: Any) -> dict[str, Any]:
    return {
        "event": "interaction", "time": now_ms(), "type": type_, "user": user, "item": item, **more
    }  # fmt: skip
