"""tea-tasting's comparisons on a table of a row a user. Prints seconds, memory and lifts."""

import json
import sys
import time
from pathlib import Path

import polars as pl
import tea_tasting as tt


def main() -> None:
    """Compare the arms of the table whose path is given."""
    table = pl.read_parquet(sys.argv[1])
    began = time.perf_counter()
    experiment = tt.Experiment(
        join_rate=tt.RatioOfMeans(
            "join_rate_0",
            "join_rate_1",
            numer_covariate="join_rate_2",
            denom_covariate="join_rate_3",
        ),
        clicks_to_explore=tt.Mean("clicks_to_explore_0", covariate="clicks_to_explore_1"),
        hides=tt.Mean("hides_0", covariate="hides_1"),
    )
    result = experiment.analyze(table, control="popular")
    lifts = {name: float(one.rel_effect_size) for name, one in result.items()}
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak_mb(), "lifts": lifts}))


def peak_mb() -> int:
    """The most memory that the process ever held."""
    with Path("/proc/self/status").open() as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
