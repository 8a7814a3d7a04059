"""Training rows by liverank beside DuckDB's SQL and plain Python: the same features, checked.

Forty features (decayed counts and times since, for person, item, host and pairs) of the candidates
of past lists, from the same two Parquet files to one array. It leans both ways: liverank's state
also counts what people go on to, which no one asked for here; DuckDB uses all cores
(CPU seconds tell how much of them).
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from measuring import timed
from peers import duckdb_asof, liverank_replay, pure_python
from peers.task import WANTED, Task, make_task

PEERS = {
    "liverank": liverank_replay.compute,
    f"duckdb {duckdb.__version__}, ASOF": duckdb_asof.compute,
    f"python {platform.python_version()}, dicts": pure_python.compute,
}
TURNS = 3


def main() -> None:
    """Check that all agree on a small task, then time them in turns on a big one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--lists", type=int, default=20_000, help="of 50 candidates each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        check(make_task(Path(name) / "small", interactions=20_000, lists=400))
        task = make_task(
            Path(name) / "big", interactions=arguments.interactions, lists=arguments.lists
        )
        times = in_turns(task)
    ours_s, ours_cpu_s = times["liverank"]
    print(
        f"{task.interactions:,} interactions, {task.row_count:,} rows of {len(WANTED)} features; "
        f"median of {TURNS} turns"
    )
    print(f"{'':<24}{'seconds':>10}{'of liverank':>14}{'CPU seconds':>14}{'of liverank':>14}")
    for peer, (seconds, cpu_s) in times.items():
        print(
            f"{peer:<24}{seconds:>10.2f}{seconds / ours_s:>13.1f}x"
            f"{cpu_s:>14.2f}{cpu_s / ours_cpu_s:>13.1f}x"
        )
    if arguments.out:
        figures = {
            "interactions": task.interactions,
            "rows": task.row_count,
            "features": len(WANTED),
            "seconds": {peer: seconds for peer, (seconds, _) in times.items()},
            "cpu_seconds": {peer: cpu_s for peer, (_, cpu_s) in times.items()},
            "ratios": {peer: seconds / ours_s for peer, (seconds, _) in times.items()},
        }
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def in_turns(task: Task) -> dict[str, tuple[float, float]]:
    """Median seconds, and median CPU seconds of all threads, of each peer."""
    spent: dict[str, list[tuple[float, float]]] = {peer: [] for peer in PEERS}
    for _ in range(TURNS):
        for peer, compute in PEERS.items():
            cpu_began = time.process_time()
            _, seconds = timed(partial(compute, task))
            spent[peer].append((seconds, time.process_time() - cpu_began))
    return {
        peer: (
            statistics.median(seconds for seconds, _ in turns),
            statistics.median(cpu_s for _, cpu_s in turns),
        )
        for peer, turns in spent.items()
    }


def check(task: Task) -> None:
    """All peers give our numbers to 1e-4; AssertionError names the features where one does not."""
    ours = liverank_replay.compute(task)
    for peer in list(PEERS)[1:]:
        theirs = PEERS[peer](task)
        wrong = [
            wanted.name
            for place, wanted in enumerate(WANTED)
            if not _agree(ours[:, place], theirs[:, place])
        ]
        assert not wrong, f"{peer} differs in {', '.join(wrong)}"
        print(f"{peer}: agrees with liverank on {ours.size:,} numbers")


def _agree(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    return np.allclose(ours, theirs, rtol=1e-4, atol=1e-6, equal_nan=True)


if __name__ == "__main__":
    main()
