"""Our comparisons on a table of a row a user. Prints seconds, memory and lifts as JSON."""

import json
import sys
import time
from pathlib import Path

import polars as pl

from liverank.experiments.statistics.comparison import compare_means, compare_ratios
from liverank.experiments.statistics.moments import Moments


def main() -> None:
    """Compare the arms of the table whose path is given."""
    table = pl.read_parquet(sys.argv[1])
    began = time.perf_counter()
    is_model = (table["variant"] == "model").to_numpy()
    lifts = {}
    for name, compare in (
        ("join_rate", compare_ratios),
        ("clicks_to_explore", compare_means),
        ("hides", compare_means),
    ):
        columns = [column for column in table.columns if column.startswith(f"{name}_")]
        values = table.select(columns).to_numpy()
        arms = (Moments.of(values[side]) for side in (~is_model, is_model))
        lifts[name] = compare(*arms).lift
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak_mb(), "lifts": lifts}))


def peak_mb() -> int:
    """The most memory that the process ever held."""
    with Path("/proc/self/status").open() as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
