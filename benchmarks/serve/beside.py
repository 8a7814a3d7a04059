"""Ours, the glue and Feast's feature server in one run, by processor time a request.

Each is kept busy by as many connections, since a server that waits spends time on nothing in
particular and cannot share commits and wake-ups between requests. Invariant: all answer requests
for as many random candidates of the same live rooms, for the same people, one after another on the
same machine.
"""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from serve.deployment import Deployment, copied
from serve.glue import (
    PEERS,
    REDIS,
    REDIS_PORT,
    Vectors,
    make_vectors,
    peer_python,
    redis_server,
    write_peer_files,
)
from serve.loads import Load, Row, put
from serve.processes import Running, cpu_s, running, running_liverank
from serve.served_world import load_served

CONNECTIONS, CANDIDATES, TURNS = 16, 55, 200
GLUE_PORT, FEAST_PORT = 8768, 8769
PEOPLE = 10_000
"""People in Redis, who are those that ask."""
FEAST_PEOPLE = 500


@dataclass(frozen=True, slots=True)
class Beside:
    """Figures by system, and what to know of them."""

    systems: dict[str, dict[str, Any]]
    notes: str
    left_out: dict[str, Any]


def beside(deployment: Deployment, *, seconds: float, serve: tuple[str, ...]) -> Beside:
    """Measure all that can be had here; what cannot is told in ``notes``."""
    folder = deployment.folder / "glue"
    folder.mkdir(exist_ok=True)
    users = deployment.users.read_text().split()[:PEOPLE]
    (folder / "users.txt").write_text("\n".join(users) + "\n")
    served, at_ms = load_served(deployment.live), time.time_ns() // 1_000_000
    items = served.live(at_ms)
    vectors = make_vectors(served, users, items, at_ms=at_ms)
    left_out = write_peer_files(folder, served, vectors, users, items)
    load = Load("beside", None, CANDIDATES, seconds=seconds, connections=CONNECTIONS)
    systems, missing = {}, []
    with copied(deployment.live) as live, running_liverank(live, *serve) as server:
        systems["liverank"] = _by_load(
            load, server, folder, 0, "features, scores, ranking logged, no events"
        )
    python = peer_python(deployment.folder)
    with redis_server() as store:
        if python is None or store is None:
            missing.append("neither the glue nor Feast could be had")
        else:
            systems["FastAPI, Redis, LightGBM"] = _glue(python, folder, load, store.pid)
            feast = _feast(python, folder, store.pid, vectors, (users[:FEAST_PEOPLE], items))
            if feast is None:
                missing.append("Feast's feature server did not start")
            else:
                systems["Feast's feature server"] = feast
    notes = (
        f"Load average {os.getloadavg()[0]:.1f}. {left_out['trees']} trees; "
        f"{left_out['columns_of_pairs']} columns of a person and an item are held with the item; "
        f"{left_out['parts_left_out']} parts of the blend that are no forest are left out."
    )
    return Beside(systems, " ".join([notes, *missing]), left_out)


def _glue(python: Path, folder: Path, load: Load, store: int) -> dict[str, Any]:
    command = [str(python), str(PEERS / "glue_redis.py"), str(folder), REDIS, str(GLUE_PORT)]
    with running(command, folder, f"http://127.0.0.1:{GLUE_PORT}", "/v1/items") as server:
        what = "features read, scores; Redis counted; nothing kept up to date or logged"
        return _by_load(load, server, folder, store, what)


def _by_load(load: Load, server: Running, folder: Path, store: int, what: str) -> dict[str, Any]:
    """Figures under a load, after one to warm up; ``store`` is a process to be counted, or 0."""
    users = folder / "users.txt"
    put(replace(load, seconds=3.0), server, users)
    began = cpu_s(store) if store else 0.0
    row: Row = put(load, server, users)
    stored_us = 1e6 * (cpu_s(store) - began) / max(row.sent, 1) if store else 0.0
    if row.failed or row.wrong:
        raise RuntimeError(f"{row.failed} of {row.sent} requests failed: {row.wrong}")
    return {
        "cpu_us": round(row.cpu_us + stored_us, 1),
        "store_us": round(stored_us, 1),
        "per_s": row.per_s,
        "p50_ms": row.p50,
        "p99_ms": row.p99,
        "what": what,
    }


def _feast(
    python: Path, folder: Path, store: int, vectors: Vectors, ids: tuple[list[str], list[str]]
) -> dict[str, Any] | None:
    """Feast's feature server, asked by one client; None where it does not start."""
    users, items = ids
    fill = [str(python), str(PEERS / "feast_server.py"), str(folder)]
    subprocess.run(
        [*fill, f"127.0.0.1:{REDIS_PORT}", str(len(users))],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "FEAST_USAGE": "False"},
    )
    names = [f"item_features:f{column}" for column in range(vectors.item_rows.shape[1])]
    names += [f"user_features:f{column}" for column in range(vectors.user_rows.shape[1])]
    command = [str(python.parent / "feast"), "-c", str(folder / "repo"), "serve"]
    command += ["--port", str(FEAST_PORT), "--no-access-log", "--workers", "1"]
    generator = np.random.default_rng(0)

    def body() -> bytes:
        chosen = generator.choice(items, CANDIDATES, replace=False).tolist()
        person = str(generator.choice(users))
        asked = {
            "features": names,
            "entities": {"item": chosen, "user": [person] * CANDIDATES},
            "full_feature_names": True,
        }
        return json.dumps(asked).encode()

    try:
        with ExitStack() as stack:
            url = f"http://127.0.0.1:{FEAST_PORT}"
            server = stack.enter_context(running(command, folder, url, "/health"))
            return _by_turns(server, store, body)
    except RuntimeError as error:
        print(error)
        return None


def _by_turns(server: Running, store: int, body: Callable[[], bytes]) -> dict[str, Any]:
    """One client that asks again as soon as it has an answer."""
    client = http.client.HTTPConnection("127.0.0.1", FEAST_PORT, timeout=30)
    times, began, stored = [], 0.0, 0.0
    for turn in range(-10, TURNS):
        if turn == 0:
            began, stored = cpu_s(server.pid), cpu_s(store)
        asked, at = body(), time.perf_counter()
        client.request("POST", "/get-online-features", asked, {"content-type": "application/json"})
        answer = client.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"Feast answered {answer.status}: {read[:300]!r}")
        times.append((time.perf_counter() - at) * 1e3)
    stored_us = 1e6 * (cpu_s(store) - stored) / TURNS
    latency = sorted(times[10:])
    return {
        "cpu_us": round(1e6 * (cpu_s(server.pid) - began) / TURNS + stored_us, 1),
        "store_us": round(stored_us, 1),
        "per_s": round(1000 * TURNS / sum(latency), 1),
        "p50_ms": round(latency[TURNS // 2], 2),
        "p99_ms": round(latency[int(0.99 * TURNS)], 2),
        "what": "features alone, one client; Redis counted",
    }
