"""gbstats' comparisons on a table of a row a user.

It takes sufficient statistics, which its users get by SQL; polars sums them up here. It knows one
covariate a mean, and none of a ratio.
"""

import sys

import polars as pl
from experiment_runs import print_measured
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
from gbstats.models.statistics import (
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
    Statistic,
    compute_theta,
)

ARMS = ("popular", "model")


def lifts_of(table: pl.DataFrame) -> dict[str, float]:
    """The relative lift of each metric."""
    sums = table.group_by("variant").agg(
        pl.len().alias("n"),
        *(total for name in ("clicks_to_explore", "hides") for total in totals(f"{name}_")),
        *totals("join_rate_"),
    )
    rows = {row["variant"]: row for row in sums.iter_rows(named=True)}
    lifts = {"join_rate": lift([ratio(rows[arm]) for arm in ARMS])}
    for name in ("clicks_to_explore", "hides"):
        arms = [adjusted(rows[arm], name) for arm in ARMS]
        theta = compute_theta(*arms)
        for arm in arms:
            arm.theta = theta
        lifts[name] = lift(arms)
    return lifts


def totals(prefix: str) -> list[pl.Expr]:
    """The sums of a metric's first two columns, of their squares and of their product."""
    first, second = pl.col(f"{prefix}0"), pl.col(f"{prefix}1")
    return [
        first.sum().alias(f"{prefix}sum"),
        (first * first).sum().alias(f"{prefix}squares"),
        second.sum().alias(f"{prefix}other"),
        (second * second).sum().alias(f"{prefix}other_squares"),
        (first * second).sum().alias(f"{prefix}products"),
    ]


def pair(row: dict, name: str) -> tuple[SampleMeanStatistic, SampleMeanStatistic]:
    """A metric's first two columns in one arm."""
    return (
        SampleMeanStatistic(row["n"], row[f"{name}_sum"], row[f"{name}_squares"]),
        SampleMeanStatistic(row["n"], row[f"{name}_other"], row[f"{name}_other_squares"]),
    )


def adjusted(row: dict, name: str) -> RegressionAdjustedStatistic:
    """A mean with its covariate in one arm."""
    return RegressionAdjustedStatistic(row["n"], *pair(row, name), row[f"{name}_products"], 0.0)


def ratio(row: dict) -> RatioStatistic:
    """The join rate in one arm."""
    return RatioStatistic(row["n"], *pair(row, "join_rate"), row["join_rate_products"])


def lift(arms: list[Statistic]) -> float:
    """The relative lift of a two-sided test."""
    return float(TwoSidedTTest(*arms, FrequentistConfig()).compute_result().expected)


if __name__ == "__main__":
    users = pl.read_parquet(sys.argv[1])
    print_measured(lambda: lifts_of(users))
