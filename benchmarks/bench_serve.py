"""The rank server under load, at the published size, and beside what a team would glue together.

A deployment of 100,000 people and 5,000 live rooms (20,000 in another) is built once into
``--folder``. Parts, by ``--only``: ``load`` (the published load, saturation, long lists, overload),
``stages`` (where a request's time goes), ``glue`` (FastAPI with Redis and LightGBM, and Feast's
feature server), ``faults`` (processes killed, bundles swapped; by itself, since it takes
``--minutes``), ``training`` (latency while autopilot trains, and while it does not). The load
generator runs on the same machine and takes its share of it.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serve.beside import beside
from serve.deployment import SMALL, Deployment, ready_deployment
from serve.faults import endure, endured_rows
from serve.loads import Row, put_all
from serve.report import cost_table, glue_table, load_table, stage_table, table
from serve.served_world import load_served
from serve.stages import CANDIDATES, time_stages
from serve.training import beside_training
from serve.world import WorldSize

PARTS = ("load", "stages", "glue", "faults", "training")
BY_DEFAULT = PARTS[:3]


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure, and with which further arguments of ``liverank serve``."""

    seconds: float
    minutes: float
    serve: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the deployment and run the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("world", *PARTS), action="append", help="run this part")
    parser.add_argument("--folder", type=Path, help="where to keep the deployment; else a new one")
    parser.add_argument("--small", action="store_true", help="a tenth of the people and rooms")
    parser.add_argument("--budget", default="90s", help="of the model search (90s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the published load (30)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the load with faults (10)")
    parser.add_argument("--serve", default="", help="further arguments of the server, in one text")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # ends servers too
    options = Options(given.seconds, given.minutes, tuple(given.serve.split()))
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare) if given.folder is None else given.folder
        folder.mkdir(parents=True, exist_ok=True)
        size = SMALL if given.small else WorldSize()
        deployment = ready_deployment(folder, size, budget=given.budget)
        figures = {"world": tell_world(deployment)}
        for part in given.only or BY_DEFAULT:
            if part != "world":
                figures[part] = RUN[part](deployment, options)
    if {"load", "stages"} <= figures.keys():
        whole, parts = figures["load"]["rows"][0]["cpu_us"], sum(figures["stages"].values())
        print(
            f"A request of the published load took {whole:,.0f} us of processor, "
            f"{whole - parts:,.0f} of them in no stage: network, event loop, threads that wait"
        )
    if given.out:
        given.out.write_text(json.dumps(figures, indent=2) + "\n")


def tell_world(deployment: Deployment) -> dict[str, Any]:
    """What is served."""
    served = load_served(deployment.live)
    parts = [
        {"part": type(term.part).__name__, "trees": getattr(term.part, "n_trees", None)}
        for term in served.bundle.model.terms
    ]
    figures = {
        "size": asdict(deployment.size),
        "seconds": deployment.seconds,
        "features": len(served.bundle.spec.names),
        "model": parts,
        "state_mb": round(served.state.sizes.bytes / 1e6, 1),
    }
    size = deployment.size
    print(
        f"{size.people:,} people, {size.live:,} live rooms, {deployment.everything_live:,} in the "
        f"other deployment, {figures['features']} features, state {figures['state_mb']} MB"
    )
    told = ", ".join(f"{each['part']} of {each['trees']} trees" for each in parts)
    print(f"model: {told}; built in {sum(deployment.seconds.values()):.0f} s", flush=True)
    return figures


def run_load(deployment: Deployment, options: Options) -> dict[str, Any]:
    """The loads, and what a candidate costs."""
    rows: list[Row] = []
    for row in put_all(deployment, seconds=options.seconds, serve=options.serve):
        rows.append(row)
        print(f"{row.name}: {row.per_s:,.0f} a second, p99 {row.p99} ms", flush=True)
    print(f"\n{load_table(rows)}\n\n{cost_table(rows[0], CANDIDATES)}\n", flush=True)
    return {"rows": [asdict(row) for row in rows]}


def run_stages(deployment: Deployment, options: Options) -> dict[str, Any]:  # noqa: ARG001
    """Where a request's time goes."""
    users = deployment.users.read_text().split()
    at_ms = time.time_ns() // 1_000_000
    stages = time_stages(load_served(deployment.live), users, at_ms=at_ms)
    print(f"\nload average {os.getloadavg()[0]:.1f}\n{stage_table(stages)}\n", flush=True)
    return stages


def run_training(deployment: Deployment, options: Options) -> dict[str, Any]:
    """Latency while autopilot trains, and while it does not."""
    found: dict[bool, list[Row]] = {False: [], True: []}
    for trains, row in beside_training(deployment, seconds=options.seconds):
        found[trains].append(row)
        print(f"{row.name}: p50 {row.p50} ms, p90 {row.p90} ms, p99 {row.p99} ms", flush=True)
    medians = {
        quantile: [
            statistics.median(getattr(row, quantile) or 0.0 for row in found[trains])
            for trains in (False, True)
        ]
        for quantile in ("p50", "p90", "p99")
    }
    for quantile, (alone, during) in medians.items():
        print(f"{quantile}: {alone} ms alone, {during} ms while it trains, {during / alone:.2f}")
    return {"medians": medians}


def run_glue(deployment: Deployment, options: Options) -> dict[str, Any]:
    """Beside what a team would glue together."""
    found = beside(deployment, seconds=options.seconds / 2, serve=options.serve)
    print(f"\n{glue_table(found.systems)}\n\n{found.notes}\n", flush=True)
    return asdict(found)


def run_faults(deployment: Deployment, options: Options) -> dict[str, Any]:
    """Faults under the published load."""
    endured = endure(deployment, minutes=options.minutes, serve=options.serve)
    header = (f"{options.minutes:g} minutes of the published load", "")
    print(f"\n{table(header, endured_rows(endured))}\n", flush=True)
    return {"row": asdict(endured.row), "faults": asdict(endured.faults), "check": endured.check}


RUN = {
    "load": run_load,
    "stages": run_stages,
    "glue": run_glue,
    "faults": run_faults,
    "training": run_training,
}


if __name__ == "__main__":
    main()
