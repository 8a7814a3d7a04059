"""Forecasts of a figure: their intervals cover what comes, for series of several kinds."""

import numpy as np
import pytest

from liverank.automl.metrics.forecast import forecast


@pytest.mark.parametrize("kind", ["noise", "walk", "trend"])
@pytest.mark.parametrize("ahead", [1, 2])
def test_the_interval_covers_what_comes_in_most_cases(kind: str, ahead: int) -> None:
    generator = np.random.default_rng(1)
    draws, n, covered = 400, 6, 0
    for _ in range(draws):
        steps = generator.normal(size=n + ahead)
        series = steps if kind == "noise" else np.cumsum(steps)
        if kind == "trend":
            series = np.arange(n + ahead) + 0.5 * steps
        expected = forecast(series[:n].tolist())
        assert expected is not None
        covered += expected.low <= series[n - 1 + ahead] <= expected.high
    assert covered / draws > 0.88


def test_fewer_than_three_blocks_or_unknown_values_say_nothing() -> None:
    assert forecast([1.0, 2.0]) is None
    assert forecast([1.0, float("nan"), 2.0, 3.0]) is None


def test_a_series_that_returns_is_expected_at_its_mean_and_a_walk_at_its_newest() -> None:
    returning = forecast([1.0, 3.0, 1.0, 3.0, 1.0, 3.0])
    rising = forecast([1.0, 2.0, 3.1, 4.0, 5.0, 6.1])
    assert returning is not None
    assert returning.value == pytest.approx(2.0)
    assert rising is not None
    assert rising.value == pytest.approx(6.1)
