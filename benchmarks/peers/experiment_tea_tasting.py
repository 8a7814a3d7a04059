"""tea-tasting's comparisons on a table of a row a user."""

import sys

import polars as pl
import tea_tasting as tt
from experiment_runs import print_measured


def lifts_of(table: pl.DataFrame) -> dict[str, float]:
    """The relative lift of each metric."""
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
    return {name: float(one.rel_effect_size) for name, one in result.items()}


if __name__ == "__main__":
    users = pl.read_parquet(sys.argv[1])
    print_measured(lambda: lifts_of(users))
