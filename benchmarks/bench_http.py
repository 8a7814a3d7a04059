"""HTTP servers before the same routes: uvicorn, granian, and our own.

Each is one process with one worker on one event loop (uvloop), and answers `/v1/rank` (55
candidates named, 50 returned) and `/livez` for wrk with 32 connections, by turns. Needs wrk
(`apt-get install wrk`); granian and uvicorn are installed into a temporary folder. The comparison
leans our way in one thing: ours calls the routes directly, the others through an ASGI adapter of
thirty lines, which is how they are used.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fronts.handler import rank_bodies
from fronts.odd_clients import CLIENTS, try_clients
from fronts.running import NAMES, running

PACKAGES = ("granian==2.8.9", "uvicorn==0.54.0")
CONNECTIONS = 32
_SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local place = 0
request = function()
  place = place %% #bodies + 1
  return wrk.format("POST", "/v1/rank", {["Content-Type"] = "application/json"}, bodies[place])
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One load of one server."""

    server: str
    route: str
    per_s: float
    cpu_us: float
    """Processor microseconds a request, of the server's processes."""
    p99_ms: float
    errors: int


def load(name: str, pid: int, port: int, route: str, script: Path, seconds: float) -> Measured:
    """Saturate a server by wrk."""
    url = f"http://127.0.0.1:{port}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    command += [url + "/livez"] if route == "/livez" else ["-s", str(script), url]
    before = cpu_s(pid)
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent = cpu_s(pid) - before
    requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Measured(
        name,
        route,
        per_s=float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),  # type: ignore[index]
        cpu_us=1e6 * spent / requests,
        p99_ms=float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
        errors=int(errors[1]) if errors else 0,
    )


def cpu_s(pid: int) -> float:
    """Processor seconds of a process and its children (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def make_project(folder: Path) -> Path:
    """A small world with a model."""
    project = folder / "demo"
    command = [sys.executable, "-m", "liverank", "demo", "--people", "300", "--days", "2"]
    subprocess.run([*command, "--keep", str(project)], check=True, capture_output=True)
    return project


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, help="a folder that `liverank demo --keep` made")
    parser.add_argument("--packages", type=Path, help="where granian and uvicorn are installed")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (10)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (3)")
    parser.add_argument("--only", choices=("load", "odd"), help="loads, or odd clients")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args(arguments)
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare)
        packages = given.packages or _install(folder / "packages")
        project = given.project or make_project(folder)
        if given.only != "odd":
            rows = measure(project, packages, folder, given.seconds, given.rounds)
            print(load_table(rows), flush=True)
            figures["loads"] = [asdict(row) for row in rows]
        if given.only != "load":
            figures["odd"] = odd = {}
            for name in NAMES:
                with running(name, project, packages) as (_, port):
                    odd[name] = try_clients(port)
            print(odd_table(odd), flush=True)
    if given.out:
        given.out.write_text(json.dumps(figures, indent=2) + "\n")


def _install(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *PACKAGES]
    uv = Path(__file__).parents[1] / ".tools/bin/uv"
    if uv.exists():
        command = [str(uv), "pip", "install", "-q", "--target", str(folder), *PACKAGES]
    subprocess.run(command, check=True)
    return folder


def measure(
    project: Path, packages: Path, folder: Path, seconds: float, rounds: int
) -> list[Measured]:
    """Loads of all servers, by turns."""
    bodies, script = folder / "bodies", folder / "rank.lua"
    bodies.write_text("\n".join(rank_bodies(project, count=500)) + "\n")
    script.write_text(_SCRIPT % bodies)
    rows = []
    for round_ in range(rounds):
        for name in NAMES[round_ % len(NAMES) :] + NAMES[: round_ % len(NAMES)]:
            with running(name, project, packages) as (pid, port):
                load(name, pid, port, "/v1/rank", script, 2)  # warm
                for route in ("/v1/rank", "/livez"):
                    rows.append(load(name, pid, port, route, script, seconds))
                    print(rows[-1], flush=True)
    return rows


def load_table(rows: Sequence[Measured]) -> str:
    """Medians over the rounds, and ratios to ours."""
    lines = [
        "| route | server | processor us | ratio | requests/s | ratio | p99 ms | errors |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for route in ("/v1/rank", "/livez"):
        ours: tuple[float, float] | None = None
        for name in NAMES:
            of = [row for row in rows if (row.server, row.route) == (name, route)]
            cpu = statistics.median(row.cpu_us for row in of)
            per_s = statistics.median(row.per_s for row in of)
            p99 = statistics.median(row.p99_ms for row in of)
            ours = ours or (cpu, per_s)
            lines.append(
                f"| `{route}` | {name} | {cpu:.0f} | {cpu / ours[0]:.2f} | {per_s:,.0f} | "
                f"{per_s / ours[1]:.2f} | {p99:.1f} | {sum(row.errors for row in of)} |"
            )
    return "\n".join(lines)


def odd_table(odd: dict[str, dict[str, bool]]) -> str:
    """Which server treats which client as wanted."""
    lines = [f"| client | {' | '.join(NAMES)} |", f"| --- |{' --- |' * len(NAMES)}"]
    for client in CLIENTS:
        marks = " | ".join("yes" if odd[name][client] else "no" for name in NAMES)
        lines.append(f"| {client} | {marks} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
