"""``liverank loadtest --rate max`` against wrk, on one server, in turns, with the same body.

Both keep the same number of connections busy: first of a server that answers 500 a second by the
clock, then of a rank server without a model, where requests for each second of the server's own
processor time are told too (they depend less on who else uses the machine). Then ours alone, at
900 a second. Needs ``wrk`` on the path.
Bias: ours reads each answer, wrk only its length; both share the machine with the server.
"""

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from liverank.simulator.server.own_server import own_server, post
from paced_server import paced_server

ITEMS = [f"room{number}" for number in range(55)]
BODY = {"user": "u1", "surface": "default", "limit": 50, "items": ITEMS}
SCRIPT = (
    'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [[%s]]\n'
)
PACE = 500
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
FIGURES = ("req/s", "req/cpu-s", "p50 ms", "p99 ms")
Tool = Callable[[str, Path, int, int], tuple[float, float, float]]


def main() -> None:
    """Run both in turns, then ours at a rate, and print what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=6, help="of each run")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: there is no wrk on the path (apt-get install wrk)")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = json.dumps(BODY, separators=(",", ":"))
        (folder / "liverank.toml").write_text('[label]\ninteraction = "join"\n')
        (folder / "body.json").write_text(body)
        (folder / "wrk.lua").write_text(SCRIPT % body)
        with paced_server(PACE) as url:
            print(f"A server that answers {PACE} a second")
            figures = {"paced": compare(url, folder, arguments, None)}
        figures["costs"] = costs(arguments.seconds)
        with own_server(folder / "liverank.toml") as url:
            print("A rank server")
            start_items(url)
            figures["served"] = compare(url, folder, arguments, children()[0])
            told = ours(url, "--rate", "900", "--duration", f"{arguments.seconds}s")
            print("at 900/s:", told["rank"]["latency_ms"], told["generator"])
            figures["at_900"] = told
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def compare(
    url: str, folder: Path, arguments: argparse.Namespace, server: int | None
) -> dict[str, Any]:
    """Both tools in turns against one server, whose process id may be known; all figures."""
    seconds, connections = arguments.seconds, arguments.connections
    run_ours(url, folder, 2, connections)
    rounds: list[dict[str, tuple[float, ...]]] = []
    tools: dict[str, Tool] = {"wrk": run_wrk, "ours": run_ours}
    print("round tool " + " ".join(f"{figure:>10}" for figure in FIGURES))
    for turn in range(arguments.rounds):
        found = {}
        for name in sorted(tools, reverse=turn % 2 == 0):
            cpu_s = cpu_seconds(server)
            rate, p50, p99 = tools[name](url, folder, seconds, connections)
            per_cpu_s = rate * seconds / ((cpu_seconds(server) - cpu_s) or math.nan)
            found[name] = (rate, per_cpu_s, p50, p99)
            told = " ".join(f"{figure:10.2f}" for figure in found[name])
            print(f"{turn:5} {name:4} {told}", flush=True)
        rounds.append(found)
    ratios = [
        statistics.median(one["ours"][place] / one["wrk"][place] for one in rounds)
        for place in range(len(FIGURES))
    ]
    print("ours/wrk   " + " ".join(f"{ratio:10.3f}" for ratio in ratios) + "   medians")
    return {"rounds": rounds, "ours_by_wrk": dict(zip(FIGURES, ratios, strict=True))}


def costs(seconds: int) -> dict[str, Any]:
    """What ours costs against a server that answers at once, with drawn candidates."""
    found = {}
    with paced_server(1e9) as url:
        for rate in ("900", "4000", "max"):
            words = ("--rate", rate, "--workers", "1", "--connections", "16")
            report = ours(url, *words, "--duration", f"{seconds}s")
            found[rate] = report
            told = report["rank"]["per_second"], report["generator"]["cpu_us"]
            print(f"--rate {rate}: {told[0]:.0f} a second, {told[1]} us of the generator's each")
    return found


def children() -> list[int]:
    """Process ids of the children of this process (Linux)."""
    this = os.getpid()
    return [int(one) for one in Path(f"/proc/{this}/task/{this}/children").read_text().split()]


def cpu_seconds(process: int | None) -> float:
    """Processor seconds of all threads of a process so far (Linux); 0 where there is none."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    quantiles = dict(re.findall(r"^ +(50|99)% +([0-9.]+(?:us|ms|s)) *$", told, re.M))
    assert rate is not None, told
    assert len(quantiles) == 2, told
    return float(rate[1]), in_ms(quantiles["50"]), in_ms(quantiles["99"])


def in_ms(text: str) -> float:
    """Milliseconds of ``3.21ms``."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS_MS[unit]


def run_ours(url: str, folder: Path, seconds: int, connections: int) -> tuple[float, float, float]:
    """The same of our own."""
    words = ("--rate", "max", "--workers", "2", "--connections", str(connections))
    rank = ours(url, *words, "--duration", f"{seconds}s", "--body", str(folder / "body.json"))[
        "rank"
    ]
    return rank["per_second"], rank["latency_ms"]["p50"], rank["latency_ms"]["p99"]


def ours(url: str, *words: str) -> dict[str, Any]:
    """What ``liverank loadtest`` reports."""
    told = subprocess.run(
        [sys.executable, "-m", "liverank", "loadtest", url, "--no-plot", "--json", *words],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    report: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert report["rank"]["errors"] == {}, report
    return report


if __name__ == "__main__":
    main()
