"""Quantiles of arms, held to theory, the bootstrap and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from liverank.experiments.statistics.quantile import compare_quantiles, quantile_estimate


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_standard_error_is_that_of_theory_and_the_value_that_of_numpy(q: float) -> None:
    values = np.random.default_rng(1).exponential(1.0, 20_000)
    found = quantile_estimate(values, q)
    density = 1 - q  # of the exponential distribution at its q-quantile
    assert found.value == pytest.approx(np.quantile(values, q, method="hazen"))
    assert found.se == pytest.approx(math.sqrt(q * (1 - q) / 20_000) / density, rel=0.1)


def test_values_of_one_unit_count_together_as_in_a_bootstrap_of_units() -> None:
    random = np.random.default_rng(2)
    units = np.repeat(np.arange(600), random.integers(1, 12, 600))
    values = random.normal(size=600)[units] + 0.3 * random.normal(size=len(units))
    found = quantile_estimate(values, 0.7, units=units)

    of_unit = [values[units == unit] for unit in range(600)]
    drawn = [
        np.quantile(np.concatenate([of_unit[i] for i in random.integers(0, 600, 600)]), 0.7)
        for _ in range(1000)
    ]

    assert found.count == 600
    assert found.se == pytest.approx(np.std(drawn), rel=0.1)
    assert found.se > 1.5 * quantile_estimate(values, 0.7).se


def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    truth = 0.2 * stats.expon.ppf(0.9)
    inside = []
    for _ in range(2000):
        found = compare_quantiles(random.exponential(1.0, 800), random.exponential(1.2, 800), 0.9)
        inside.append(found.difference_ci[0] <= truth <= found.difference_ci[1])
    assert 0.935 <= np.mean(inside) <= 0.966


def test_the_test_is_right_for_counts_of_which_many_are_equal() -> None:
    random = np.random.default_rng(4)
    p = []
    for _ in range(1000):
        first, second = random.negative_binomial(1, 0.06, (2, 1500)).astype(float)
        p.append(compare_quantiles(first, second, 0.9).p)
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_quantile_that_many_units_share_has_no_interval_and_says_so() -> None:
    values = np.array([0.0] * 800 + [1.0] * 200)
    found = compare_quantiles(values, values, 0.5)
    assert math.isnan(found.p)
    assert "which many units share" in found.reason


def test_a_quantile_too_near_the_end_has_no_interval_and_says_so() -> None:
    values = np.arange(20.0)
    found = compare_quantiles(values, values, 0.99)
    assert math.isnan(found.p)
    assert "too few units" in found.reason
    assert "variant has 0 units" in compare_quantiles(values, np.array([]), 0.5).reason
