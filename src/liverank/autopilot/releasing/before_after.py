"""A release against the hours before it, where there is no holdout: the label rate by the hour.

Each hour is compared with the same hours of the weeks before (of the days before, where the log is
younger than a week). How far such windows of hours usually are apart is measured on the hours
before the release themselves, so that days that differ for other reasons raise the bar. This is
weaker than an experiment: only a large and sudden fall is called harm. Invariant: without enough
history nothing is called harm.
"""

import math

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from liverank.experiments.statistics.always_valid import always_valid_bound

HISTORY_HOURS = 24 * 22
"""Hours before the release that are read."""
LEAST_FALL = 0.15
"""Relative fall of the label rate below which nothing is called harm."""
LEAST_WINDOWS = 4
"""Windows before the release, as long as the time since, that are needed to know the noise."""
LEAST_HOURS = 3
ALPHA = 0.01
_LEAST_SUCCESSES = 5
_TIGHTEST_HOURS = 12
_WEEK, _DAY = 168, 24


class BeforeAfter(msgspec.Struct, frozen=True, kw_only=True):
    """The label rate since a release, relative to what the hours before it lead to expect."""

    hours: int
    """Hours since the release that could be compared."""
    lift: float
    """Relative difference, -0.3 for a fall by 30 %; NaN where unknown, as are its bounds."""
    low: float
    high: float
    harm: str | None
    """A sentence where the rate has clearly fallen; None otherwise."""


def compare_hours(
    hours: pl.DataFrame, *, released_ms: float, ripe_ms: float, hour_ms: int = 3_600_000
) -> BeforeAfter:
    """Compare the hours since a release with those before.

    ``hours`` are ``ArmCounts.hours()`` before (arm 0) and since the release (arm 1); labels of
    rankings before ``ripe_ms`` are known. Times in Unix ms.

    >>> empty = pl.DataFrame(schema=["arm", "hour", "impressions", "successes"])
    >>> compare_hours(empty, released_ms=0, ripe_ms=9).hours
    0
    """
    first_after = math.ceil(released_ms / hour_ms)
    end = math.floor(ripe_ms / hour_ms)
    begin = int(released_ms // hour_ms) - HISTORY_HOURS
    if end <= first_after:
        return _unknown(0)
    rates = _log_rates(hours, begin, end)
    split = first_after - begin
    expected = _expected(rates, split - (1 if first_after * hour_ms > released_ms else 0))
    residuals = rates - expected
    before, after = residuals[: split - 1], residuals[split:]
    known = after[np.isfinite(after)]
    length = len(after)
    if len(known) < LEAST_HOURS:
        return _unknown(len(known))
    windows = _window_means(before, length)
    if len(windows) < length * LEAST_WINDOWS:
        return _unknown(len(known))
    usual, spread = float(windows.mean()), float(windows.std())
    change = float(known.mean()) - usual
    independent = max(len(windows) / length, 2.0)
    half = _bound(length, independent - 1) * spread * math.sqrt(1 + 1 / independent)
    lift, low, high = (math.expm1(change + shift) for shift in (0.0, -half, half))
    harm = None
    if high < 0 and lift < -LEAST_FALL and float(known.mean()) < float(windows.min()):
        harm = (
            f"the label rate of {len(known)} hours is {-lift:.0%} below that of the same hours "
            f"before (from {low:+.0%} to {high:+.0%}, by how far such hours usually differ)"
        )
    return BeforeAfter(hours=len(known), lift=lift, low=low, high=high, harm=harm)


def _unknown(hours: int) -> BeforeAfter:
    return BeforeAfter(hours=hours, lift=math.nan, low=math.nan, high=math.nan, harm=None)


def _log_rates(hours: pl.DataFrame, begin: int, end: int) -> NDArray[np.float64]:
    """The logarithm of each hour's label rate, float64[end - begin]; NaN with few successes."""
    rates = np.full(end - begin, np.nan)
    sums = (
        hours.filter(pl.col("hour").is_between(begin, end - 1))
        .group_by("hour")
        .agg(pl.col("impressions", "successes").sum())
    )
    kept = sums.filter((pl.col("successes") >= _LEAST_SUCCESSES) & (pl.col("impressions") > 0))
    index = kept["hour"].to_numpy().astype(np.int64) - begin
    rates[index] = np.log(kept["successes"].to_numpy() / kept["impressions"].to_numpy())
    return rates


def _expected(rates: NDArray[np.float64], known: int) -> NDArray[np.float64]:
    """What each hour's rate is expected to be, from hours among the first ``known`` ones."""
    past = rates.copy()
    past[known:] = np.nan
    weekly = _mean_of_lags(past, [_WEEK, 2 * _WEEK, 3 * _WEEK])
    daily = _mean_of_lags(past, [_DAY * day for day in range(1, 8)])
    return np.where(np.isfinite(weekly), weekly, daily)


def _mean_of_lags(past: NDArray[np.float64], lags: list[int]) -> NDArray[np.float64]:
    total, count = np.zeros(len(past)), np.zeros(len(past))
    for lag in lags:
        shifted = np.full(len(past), np.nan)
        shifted[lag:] = past[: max(len(past) - lag, 0)]
        known = np.isfinite(shifted)
        total[known] += shifted[known]
        count += known
    mean = np.full(len(past), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _window_means(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The means of all windows of ``length`` hours of which at least half are known."""
    if len(values) < length:
        return np.empty(0)
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    known = np.isfinite(windows)
    enough = known.sum(axis=1) >= max(LEAST_HOURS, length / 2)
    sums = np.where(known, windows, 0.0).sum(axis=1)
    means: NDArray[np.float64] = sums[enough] / known.sum(axis=1)[enough]
    return means


def _bound(hours: int, degrees: float) -> float:
    """The always-valid bound in standard deviations, wider as few windows measured the noise."""
    bound = always_valid_bound(2 * ALPHA, hours, _TIGHTEST_HOURS)
    return float(-special.stdtrit(degrees, special.ndtr(-bound)))
