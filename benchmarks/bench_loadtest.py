"""``liverank loadtest --rate max`` against wrk, on one server, in turns, with the same body.

Both keep the same number of connections busy; a rank server without a model answers. Needs ``wrk``
on the path. Bias: ours reads and counts each answer, wrk only its length; both share the machine
with the server.

    python benchmarks/bench_loadtest.py [--seconds 8] [--rounds 5] [--connections 8]
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from liverank.cli.own_server import own_server, post

ITEMS = [f"room{number}" for number in range(55)]
BODY = {"user": "u1", "surface": "default", "limit": 50, "items": ITEMS}
SCRIPT = (
    'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [[%s]]\n'
)
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def main() -> None:
    """Run both in turns and print requests a second and latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = json.dumps(BODY, separators=(",", ":"))
        (folder / "liverank.toml").write_text('[label]\ninteraction = "join"\n')
        (folder / "body.json").write_text(body)
        (folder / "wrk.lua").write_text(SCRIPT % body)
        with own_server(folder / "liverank.toml") as url:
            start_items(url)
            run_ours(url, folder, 2, arguments.connections)
            rounds = []
            print("round  wrk req/s   p50   p99 ms | ours req/s   p50   p99 ms | ours/wrk")
            for turn in range(arguments.rounds):
                tools = (run_wrk, run_ours) if turn % 2 == 0 else (run_ours, run_wrk)
                found = {
                    tool: tool(url, folder, arguments.seconds, arguments.connections)
                    for tool in tools
                }
                theirs, ours = found[run_wrk], found[run_ours]
                rounds.append((theirs, ours))
                told = " | ".join(f"{a:10.1f} {b:5.2f} {c:8.2f}" for a, b, c in (theirs, ours))
                print(f"{turn:5d} {told} | {ours[0] / theirs[0]:.3f}", flush=True)
    told = [statistics.median(figures) for figures in zip(*(a + b for a, b in rounds), strict=True)]
    print("median", " ".join(f"{figure:.2f}" for figure in told))
    print(f"median of ratios {statistics.median(b[0] / a[0] for a, b in rounds):.3f}")


def start_items(url: str) -> None:
    """Start the items that are ranked."""
    now_ms = time.time_ns() // 1_000_000
    events = [{"event": "item", "time": now_ms, "item": item, "state": "started"} for item in ITEMS]
    post(f"{url}/v1/events", msgspec.json.encode(events))
    time.sleep(1)


def run_wrk(url: str, folder: Path, seconds: int, connections: int) -> tuple[float, float, float]:
    """Requests a second, and the median and 99th percentile of latency in ms."""
    told = subprocess.run(
        [
            *("wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency"),
            *("-s", str(folder / "wrk.lua"), f"{url}/v1/rank"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in told, told
    rate = re.search(r"Requests/sec: +([0-9.]+)", told)
    quantiles = dict(re.findall(r"^ +(50|99)% +([0-9.]+(?:us|ms|s))$", told, re.M))
    assert rate is not None, told
    return float(rate[1]), in_ms(quantiles["50"]), in_ms(quantiles["99"])


def in_ms(text: str) -> float:
    """Milliseconds of ``3.21ms``."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS_MS[unit]


def run_ours(url: str, folder: Path, seconds: int, connections: int) -> tuple[float, float, float]:
    """The same of our own."""
    words = ["--rate", "max", "--workers", "2", "--no-plot", "--json", "--objective", "errors=0"]
    told = subprocess.run(
        [
            *(sys.executable, "-m", "liverank", "loadtest", url, *words),
            *("--connections", str(connections), "--duration", f"{seconds}s"),
            *("--body", str(folder / "body.json")),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rank = json.loads(told.splitlines()[-1])["rank"]
    return rank["per_second"], rank["latency_ms"]["p50"], rank["latency_ms"]["p99"]


if __name__ == "__main__":
    main()
