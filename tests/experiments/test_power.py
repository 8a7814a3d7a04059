"""Power and users needed, held to statsmodels and tea-tasting."""

import numpy as np
import polars as pl
import pytest
import tea_tasting as tt
from statsmodels.stats.power import TTestIndPower

from liverank.errors import ExperimentError
from liverank.experiments.statistics.power import power_of, users_needed


@pytest.mark.parametrize(("effect", "n"), [(0.5, 20), (0.1, 1000), (0.01, 60_000)])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_power_is_that_of_statsmodels(effect: float, n: int, ratio: float) -> None:
    found = power_of(2 * effect, 4.0, n, n * ratio)
    # the other's degrees of freedom are those of one variance for both arms
    told = TTestIndPower().power(effect, n, 0.05, ratio)
    assert found == pytest.approx(told, rel=0.05 if n == 20 else 1e-3)


@pytest.mark.parametrize("share", [0.5, 0.4])
def test_users_needed_are_those_of_tea_tasting(share: float) -> None:
    values = np.random.default_rng(3).gamma(2.0, 3.0, 5000)
    metric = tt.Mean("y", rel_effect_size=0.03, ratio=share / (1 - share))
    told = metric.solve_power(pl.DataFrame({"y": values}), "n_obs")[0].n_obs
    found = users_needed(
        0.03 * float(values.mean()), float(values.var(ddof=1)), variant_share=share
    )
    assert abs(found - told) <= 1


def test_users_needed_have_the_power_that_was_asked_for() -> None:
    users = users_needed(0.05, 1.0, power=0.9, alpha=0.01)
    assert power_of(0.05, 1.0, users / 2, users / 2, alpha=0.01) >= 0.9
    assert power_of(0.05, 1.0, users / 2 - 2, users / 2 - 2, alpha=0.01) < 0.9


@pytest.mark.parametrize(("difference", "variance"), [(0.0, 1.0), (0.1, 0.0), (0.1, np.nan)])
def test_no_effect_or_no_variance_has_no_number_of_users(
    difference: float, variance: float
) -> None:
    with pytest.raises(ExperimentError, match="give a difference other than 0"):
        users_needed(difference, variance)
