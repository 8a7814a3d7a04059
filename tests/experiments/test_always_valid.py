"""Confidence sequences hold at all looks together, and are tightest where they are to be."""

import numpy as np
import pytest

from liverank.experiments.statistics.always_valid import (
    always_valid_bound,
    always_valid_p,
    confidence_sequence,
)


def test_a_sequence_holds_the_truth_at_all_looks_together() -> None:
    random = np.random.default_rng(2)
    units = np.arange(20, 2001, 20)
    bounds = np.array([always_valid_bound(0.05, n, 500) for n in units])
    sums = np.cumsum(random.normal(size=(4000, len(units))) * np.sqrt(20), axis=1)
    misses = (np.abs(sums / np.sqrt(units)) > bounds).any(axis=1).mean()
    assert 0.01 < misses <= 0.05


def robbins(alpha: float, units: float, rho: float) -> float:
    """Equation 3 of Waudby-Smith et al., for a variance of one."""
    grown = units * rho**2 + 1
    return float(np.sqrt(2 * grown / (units * rho) ** 2 * np.log(np.sqrt(grown) / alpha)))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_the_bound_is_that_of_the_paper_at_the_best_rho_for_one_moment(alpha: float) -> None:
    rhos = np.geomspace(1e-3, 1, 4000)
    best = min(rhos, key=lambda rho: robbins(alpha, 700, rho))
    for units in (10, 700, 10_000):
        low, high = confidence_sequence(
            1.0, 1 / np.sqrt(units), units=units, tightest_at=700, alpha=alpha
        )
        assert (high - low) / 2 == pytest.approx(robbins(alpha, units, best), rel=2e-3)
    assert always_valid_bound(alpha, 700, 700) * 700**-0.5 == pytest.approx(
        robbins(alpha, 700, best), rel=1e-6
    )


@pytest.mark.parametrize("units", [50, 1000, 30_000])
def test_p_is_alpha_where_the_sequence_touches_zero(units: int) -> None:
    bound = always_valid_bound(0.05, units, 1000)
    assert always_valid_p(bound, units=units, tightest_at=1000) == pytest.approx(0.05)
    assert always_valid_p(0.0, units=units, tightest_at=1000) == 1.0
