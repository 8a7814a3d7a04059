"""A release against the same hours before it: quiet where nothing happened, clear where it did."""

import math

import numpy as np
import polars as pl
import pytest

from liverank.autopilot.releasing.before_after import BeforeAfter, compare_hours

HOUR_MS = 3_600_000
AFTER = 24
"""Hours after the release at most."""


def made_hours(
    seed: int, *, days: int = 21, noise: float = 0.05, harm: float = 0.0, per_hour: int = 2000
) -> tuple[pl.DataFrame, int]:
    """Hours whose label rate differs by hour, weekday, day and chance; and that of the release."""
    rng = np.random.default_rng(seed)
    release = days * 24 + 12
    hour = np.arange(release + AFTER)
    day = hour // 24
    days_differ = rng.normal(0, noise, day.max() + 1)
    rate = 0.05 * (1 + 0.2 * np.sin(2 * np.pi * hour / 24)) * (1 + 0.1 * (day % 7 >= 5))
    rate = rate * np.exp(days_differ[day] + rng.normal(0, noise, len(hour)))
    rate[release:] *= 1 - harm
    impressions = rng.poisson(per_hour * (1 + 0.6 * np.sin(2 * np.pi * hour / 24)))
    columns = {
        "arm": (hour >= release).astype(np.int8),
        "hour": hour,
        "impressions": impressions,
        "successes": rng.binomial(impressions, rate),
    }
    return pl.DataFrame(columns), release


def look(hours: pl.DataFrame, release: int, after: int) -> BeforeAfter:
    """The comparison when ``after`` hours since the release are known."""
    known = hours.filter(pl.col("hour") < release + after)
    return compare_hours(known, released_ms=release * HOUR_MS, ripe_ms=(release + after) * HOUR_MS)


def first_harm(hours: pl.DataFrame, release: int) -> int | None:
    """The hour after the release at which harm is found first."""
    for after in range(1, AFTER + 1):
        if look(hours, release, after).harm is not None:
            return after
    return None


@pytest.mark.parametrize("days", [3, 21])
@pytest.mark.parametrize("noise", [0.05, 0.12])
def test_harmless_releases_stay_whatever_the_days_do(days: int, noise: float) -> None:
    found = [first_harm(*made_hours(seed, days=days, noise=noise)) for seed in range(25)]
    assert sum(one is not None for one in found) <= 1


def test_a_fall_by_a_third_is_found_within_hours() -> None:
    found = [first_harm(*made_hours(seed, harm=0.33)) for seed in range(20)]
    hours = [one for one in found if one is not None]
    assert len(hours) >= 16
    assert np.median(hours) <= 8


def test_the_interval_is_around_the_fall() -> None:
    hours, release = made_hours(1, harm=0.4, noise=0.03)
    result = look(hours, release, 12)
    assert result.low < -0.4 < result.high < 0
    assert result.lift == pytest.approx(-0.4, abs=0.1)
    assert "12 hours" in (result.harm or "")


def test_a_small_fall_is_no_harm_however_clear() -> None:
    hours, release = made_hours(1, harm=0.1, noise=0.001, per_hour=200_000)
    result = look(hours, release, 12)
    assert result.high < 0
    assert result.harm is None


@pytest.mark.parametrize(("days", "after"), [(0, 6), (21, 1), (21, 0)])
def test_without_enough_hours_nothing_is_known(days: int, after: int) -> None:
    hours, release = made_hours(1, days=days, harm=0.9)
    result = look(hours, release, after)
    assert result.harm is None
    assert math.isnan(result.lift)


def test_hours_whose_labels_are_not_known_yet_do_not_count() -> None:
    hours, release = made_hours(1)
    empty = pl.when(pl.col("hour") >= release + 6).then(0).otherwise("successes")
    unripe = hours.with_columns(successes=empty)
    ripe_ms = (release + 6) * HOUR_MS
    found = compare_hours(unripe, released_ms=release * HOUR_MS, ripe_ms=ripe_ms)
    assert found == look(hours, release, 6)
