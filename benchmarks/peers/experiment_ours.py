"""Our comparisons on a table of a row a user."""

import sys

import polars as pl
from experiment_runs import print_measured

from liverank.experiments.statistics.comparison import compare_means, compare_ratios
from liverank.experiments.statistics.moments import Moments

METRICS = {
    "join_rate": compare_ratios,
    "clicks_to_explore": compare_means,
    "hides": compare_means,
}


def lifts_of(table: pl.DataFrame) -> dict[str, float]:
    """The relative lift of each metric."""
    lifts = {}
    for name, compare in METRICS.items():
        columns = [column for column in table.columns if column.startswith(f"{name}_")]
        arms = (
            Moments.of(table.filter(pl.col("variant") == arm).select(columns).to_numpy())
            for arm in ("popular", "model")
        )
        lifts[name] = compare(*arms).lift
    return lifts


if __name__ == "__main__":
    users = pl.read_parquet(sys.argv[1])
    print_measured(lambda: lifts_of(users))
