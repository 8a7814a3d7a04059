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
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from measuring import timed
from peers import duckdb_asof, liverank_replay, pure_python
from peers.task import WANTED, Task, make_task

PEERS: dict[str, Any] = {
    "liverank": liverank_replay,
    f"duckdb {duckdb.__version__}, ASOF": duckdb_asof,
    f"python {platform.python_version()}, dicts": pure_python,
}
"""A peer has ``prepare(task)``, its input in the form that suits it, and ``compute(prepared)``."""
MEASURES = ("prepare_s", "compute_s", "in_all_s", "cpu_s")
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
        spent = in_turns(task)
    ours = spent["liverank"]
    print(
        f"{task.interactions:,} interactions, {task.row_count:,} rows of {len(WANTED)} features; "
        f"medians of {TURNS} turns, seconds and ratios; cpu_s is of all threads"
    )
    print(f"{'':<24}" + "".join(f"{measure:>18}" for measure in MEASURES))
    for peer, times in spent.items():
        cells = (f"{times[each]:.2f} {times[each] / ours[each]:6.1f}x" for each in MEASURES)
        print(f"{peer:<24}" + "".join(f"{cell:>18}" for cell in cells))
    if arguments.out:
        size = {"interactions": task.interactions, "rows": task.row_count}
        arguments.out.write_text(json.dumps({**size, "peers": spent}, indent=2) + "\n")


def in_turns(task: Task) -> dict[str, dict[str, float]]:
    """Medians of each peer's measures."""
    turns: dict[str, list[tuple[float, ...]]] = {peer: [] for peer in PEERS}
    for _ in range(TURNS):
        for peer, does in PEERS.items():
            cpu_began = time.process_time()
            prepared, prepare_s = timed(partial(does.prepare, task))
            _, compute_s = timed(partial(does.compute, prepared))
            cpu_s = time.process_time() - cpu_began
            turns[peer].append((prepare_s, compute_s, prepare_s + compute_s, cpu_s))
            del prepared
    return {
        peer: dict(zip(MEASURES, map(statistics.median, zip(*each, strict=True)), strict=True))
        for peer, each in turns.items()
    }


def check(task: Task) -> None:
    """All peers give our numbers to 1e-4; AssertionError names the features where one does not."""
    ours, *others = (does.compute(does.prepare(task)) for does in PEERS.values())
    for peer, theirs in zip(list(PEERS)[1:], others, strict=True):
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
