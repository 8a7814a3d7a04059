"""Loads put on a server by ``liverank loadtest``, and what came of each, as one row of a table.

Invariant: a run that the generator itself could not keep up with says so in its row.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serve.deployment import Deployment, copied
from serve.processes import Running, cpu_s, running_liverank

PUBLISHED_RATE, EVENTS_RATE = 900.0, 2_000.0
MANY_CANDIDATES, MANY_RATE = 1_500, 400.0
ALL_LIVE_RATE = 10.0
"""Rankings of all of 20,000 live items a second."""
OVERLOAD = 3.0
"""Times the saturating rate."""
WARM_UP_S = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    ``rate`` requests a second, as many as possible where None, for ``candidates`` each, all that
    is live where None.
    """

    name: str
    rate: float | None
    candidates: int | None = 55
    events_rate: float = 0.0
    seconds: float = 30.0
    connections: int = 64
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a load. Times in ms and processor us a request; NaN where nothing was measured.

    ``cpu_us`` is of all the server's processes, events and logging included, by the system's own
    figures; ``told_cpu_us`` the same by the server's ``/metrics``, null where it has none.
    """

    name: str
    load_average: float
    per_s: float
    p50: float | None
    p90: float | None
    p99: float | None
    most: float | None
    sent: int
    failed: int
    """Requests without an answer of success, 503 left out."""
    refused: int
    """Answered with 503."""
    fallbacks: dict[str, int]
    fold_lag_p99: float | None
    cpu_us: float
    told_cpu_us: float | None
    generator_cpu_us: float | None
    kept_up: bool
    wrong: list[str]


def put(load: Load, server: Running, users: Path) -> Row:
    """Put a load on a server. Raises RuntimeError where the generator tells nothing."""
    average, began = os.getloadavg()[0], cpu_s(server.pid)
    told = _loadtest(load, server.url, users)
    spent = cpu_s(server.pid) - began
    rank, lag = told["rank"], told["fold_lag_ms"]
    latency = rank["latency_ms"]
    refused = sum(count for status, count in rank["statuses"].items() if status == "503")
    return Row(
        name=load.name,
        load_average=round(average, 2),
        per_s=rank["per_second"],
        p50=latency["p50"],
        p90=latency["p90"],
        p99=latency["p99"],
        most=latency["max"],
        sent=rank["sent"],
        failed=rank["sent"] - rank["answered"] - refused,
        refused=refused,
        fallbacks=rank["fallbacks"],
        fold_lag_p99=None if lag is None else lag["p99"],
        cpu_us=round(1e6 * spent / max(rank["answered"] + refused, 1), 1),
        told_cpu_us=told["server_cpu_us"],
        generator_cpu_us=told["generator"]["cpu_us"],
        kept_up=told["generator"]["kept_up"],
        wrong=rank["wrong"],
    )


def put_all(deployment: Deployment, *, seconds: float, serve: tuple[str, ...]) -> Iterator[Row]:
    """The loads of the table, each for so long; ``serve`` are further arguments of the server."""
    published = Load("900 q/s", PUBLISHED_RATE, events_rate=EVENTS_RATE, seconds=seconds)
    with copied(deployment.live) as live, running_liverank(live, *serve) as server:
        put(replace(published, name="warm-up", seconds=WARM_UP_S), server, deployment.users)
        yield put(published, server, deployment.users)
        most = replace(published, name="saturation", rate=None, seconds=seconds / 2, connections=32)
        saturated = put(most, server, deployment.users)
        yield saturated
        many = Load("1,500 candidates", MANY_RATE, MANY_CANDIDATES, EVENTS_RATE, seconds / 2)
        yield put(many, server, deployment.users)
        overload = Load(
            f"{OVERLOAD:.0f} x saturation",
            OVERLOAD * saturated.per_s,
            events_rate=EVENTS_RATE,
            seconds=min(seconds / 2, 15.0),
            connections=4096,
            timeout_s=5.0,
        )
        yield put(overload, server, deployment.users)
    with copied(deployment.more) as more, running_liverank(more, *serve) as server:
        everything = Load("all live", ALL_LIVE_RATE, None, EVENTS_RATE, seconds / 2)
        put(replace(everything, seconds=2.0), server, deployment.users)
        named = replace(everything, name=f"all {deployment.everything_live:,} live")
        yield put(named, server, deployment.users)


def _loadtest(load: Load, url: str, users: Path) -> dict[str, Any]:
    arguments = [
        *("--rate", "max" if load.rate is None else f"{load.rate:.3f}"),
        *("--duration", f"{load.seconds}s"),
        *("--timeout", f"{load.timeout_s}s"),
        *("--connections", str(load.connections)),
        *("--workers", "1" if load.rate is not None and load.rate < 2_000 else "2"),
        *("--events-rate", str(load.events_rate)),
        *("--users", str(users)),
        *(["--no-items"] if load.candidates is None else ["--candidates", str(load.candidates)]),
        *("--no-plot", "--json"),
    ]
    command = [sys.executable, "-m", "liverank", "loadtest", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode > 1 or not lines or "rank" not in (told := json.loads(lines[-1])):
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-1000:]}{done.stdout[-1000:]}")
    answer: dict[str, Any] = told
    return answer
