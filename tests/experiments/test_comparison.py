"""Differences and lifts, held to tea-tasting, SciPy, and coverage on data whose truth is known."""

import math

import numpy as np
import polars as pl
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from liverank.experiments.statistics.comparison import (
    Comparison,
    compare_estimates,
    compare_means,
    compare_ratios,
)
from liverank.experiments.statistics.cuped import covariate_columns
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.moments import Moments

USERS = tt.make_users_data(rng=42, n_users=2000, covariates=True, return_type="polars")
COLUMNS = ["orders", "sessions", "orders_covariate", "sessions_covariate", "revenue"]


def arm(variant: int, *names: str) -> Moments:
    rows = USERS.filter(pl.col("variant") == variant)
    return Moments.of(rows.select(names).to_numpy().astype(float))


def assert_equal_to_tea_tasting(found: Comparison, metric: tt.metrics.MetricBase) -> None:
    told = tt.Experiment(metric=metric).analyze(USERS)["metric"]
    pairs = {
        "control": found.control,
        "treatment": found.value,
        "effect_size": found.difference,
        "effect_size_ci_lower": found.difference_ci[0],
        "effect_size_ci_upper": found.difference_ci[1],
        "rel_effect_size": found.lift,
        "rel_effect_size_ci_lower": found.lift_ci[0],
        "rel_effect_size_ci_upper": found.lift_ci[1],
        "pvalue": found.p,
    }
    for name, value in pairs.items():
        assert value == pytest.approx(getattr(told, name), rel=1e-9), name


def test_means_are_compared_as_by_tea_tasting() -> None:
    found = compare_means(arm(0, "revenue"), arm(1, "revenue"))
    assert_equal_to_tea_tasting(found, tt.Mean("revenue"))


def test_means_with_a_covariate_are_compared_as_by_tea_tasting() -> None:
    names = ("orders", "orders_covariate")
    found = compare_means(arm(0, *names), arm(1, *names))
    assert_equal_to_tea_tasting(found, tt.Mean("orders", "orders_covariate"))
    assert found.variance_saved > 0.3


def test_ratios_are_compared_as_by_tea_tasting() -> None:
    found = compare_ratios(arm(0, "orders", "sessions"), arm(1, "orders", "sessions"))
    assert_equal_to_tea_tasting(found, tt.RatioOfMeans("orders", "sessions"))


def test_ratios_with_a_covariate_are_compared_as_by_tea_tasting() -> None:
    names = ("orders", "sessions", "orders_covariate", "sessions_covariate")
    found = compare_ratios(arm(0, *names), arm(1, *names))
    assert_equal_to_tea_tasting(found, tt.RatioOfMeans(*names))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_a_difference_of_means_is_that_of_welch_in_scipy(level: float) -> None:
    random = np.random.default_rng(5)
    control, variant = random.gamma(1.0, 2.0, 40), random.gamma(1.3, 2.0, 25)

    found = compare_means(Moments.of(control), Moments.of(variant), level=level)

    told = stats.ttest_ind(variant, control, equal_var=False)
    assert found.p == pytest.approx(told.pvalue, rel=1e-12)
    assert found.difference_ci == pytest.approx(tuple(told.confidence_interval(level)), rel=1e-12)
    assert found.df == pytest.approx(told.df)


def test_several_covariates_give_the_coefficients_of_least_squares() -> None:
    random = np.random.default_rng(6)
    x = random.normal(size=(300, 3))
    x[:, 2] = x[:, 0] - 2 * x[:, 1]  # and the third is a combination of the others
    y = x @ [1.0, -1.0, 0.0] + random.normal(size=300)
    is_variant = np.arange(300) % 2 == 1
    columns = np.column_stack([y, x])

    found = compare_means(Moments.of(columns[~is_variant]), Moments.of(columns[is_variant]))

    design = np.column_stack([np.ones(300), x[:, :2]])
    theta = np.linalg.lstsq(design, y, rcond=None)[0][1:]
    adjusted = y - (x[:, :2] - x[:, :2].mean(axis=0)) @ theta
    told = stats.ttest_ind(adjusted[is_variant], adjusted[~is_variant], equal_var=False)
    assert found.control == pytest.approx(adjusted[~is_variant].mean())
    assert found.p == pytest.approx(told.pvalue, rel=1e-9)


def test_what_fills_an_unknown_covariate_does_not_matter() -> None:
    random = np.random.default_rng(7)
    x = np.where(random.random(400) < 0.3, np.nan, random.normal(5, 1, 400))
    y = np.nan_to_num(x, nan=2.0) + random.normal(size=400)
    is_variant = np.arange(400) % 2 == 1
    zeros = covariate_columns(x)
    means = zeros.copy()
    means[np.isnan(x), 0] = np.nanmean(x)

    by_zero, by_mean = (
        compare_means(
            Moments.of(np.column_stack([y, filled])[~is_variant]),
            Moments.of(np.column_stack([y, filled])[is_variant]),
        )
        for filled in (zeros, means)
    )

    assert by_zero.n_control + by_zero.n_variant == 400
    assert by_zero.difference == pytest.approx(by_mean.difference, rel=1e-9)
    assert by_zero.se == pytest.approx(by_mean.se, rel=1e-9)
    assert by_zero.variance_saved > 0.5


def test_a_covariate_that_does_not_vary_changes_nothing() -> None:
    revenue = [USERS.filter(pl.col("variant") == v)["revenue"].to_numpy() for v in (0, 1)]
    plain = compare_means(*(Moments.of(one) for one in revenue))
    padded = compare_means(
        *(Moments.of(np.column_stack([one, np.full(len(one), 3.0)])) for one in revenue)
    )
    assert padded.p == pytest.approx(plain.p, rel=1e-9)
    assert padded.lift_ci == pytest.approx(plain.lift_ci, rel=1e-9)
    assert padded.variance_saved == pytest.approx(0, abs=1e-12)


def slow_fieller(control: Estimate, variant: Estimate, quantile: float) -> tuple[float, float]:
    """The lifts that a test of ``variant = (1 + lift) * control`` does not refuse, by trying."""
    lifts = np.linspace(-3, 3, 600_001)
    distance = np.abs(variant.value - (1 + lifts) * control.value)
    se = np.sqrt(variant.variance + (1 + lifts) ** 2 * control.variance)
    kept = lifts[distance <= quantile * se]
    return float(kept.min()), float(kept.max())


@pytest.mark.parametrize("value", [-0.3, 0.0, 0.1])
def test_a_variant_near_or_below_zero_gets_the_interval_of_fieller(value: float) -> None:
    control, variant = Estimate(1.0, 0.01, 500), Estimate(value, 0.02, 500)
    found = compare_estimates(control, variant)
    assert found.lift == pytest.approx(value - 1)
    told = slow_fieller(control, variant, float(stats.t.ppf(0.975, found.df)))
    assert found.lift_ci == pytest.approx(told, abs=1e-5)


def test_no_lift_is_told_where_the_control_is_not_clearly_away_from_zero() -> None:
    found = compare_estimates(Estimate(0.1, 0.01, 500), Estimate(0.4, 0.01, 500))
    assert math.isnan(found.lift)
    assert all(math.isnan(end) for end in found.lift_ci)
    assert "not clearly away from zero" in found.reason
    assert found.p == pytest.approx(2 * stats.t.sf(0.3 / math.sqrt(0.02), found.df))


@pytest.mark.parametrize(
    ("control", "variant", "word"),
    [
        ([1.0], [1.0, 2.0], "control has 1 units"),
        ([1.0, 2.0], [], "variant has 0 units"),
        ([3.0, 3.0], [3.0, 3.0], "does not vary"),
        ([0.1] * 7, [0.1] * 9, "does not vary"),
    ],
)
def test_what_cannot_be_compared_is_nan_with_a_reason(
    control: list[float], variant: list[float], word: str
) -> None:
    found = compare_means(Moments.of(np.array(control)), Moments.of(np.array(variant)))
    assert math.isnan(found.p)
    assert math.isnan(found.se)
    assert word in found.reason


def test_a_ratio_over_no_denominator_is_nan_with_a_reason() -> None:
    nothing = Moments.of(np.array([[1.0, 0.0], [2.0, 0.0]]))
    something = Moments.of(np.array([[1.0, 1.0], [2.0, 3.0]]))
    found = compare_ratios(nothing, something)
    assert math.isnan(found.control)
    assert "denominator is zero" in found.reason


def columns_of(seed: int, n: int, scale: float = 1.0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    x = random.gamma(2.0, scale, n)
    return np.column_stack([x + random.gamma(1.0, scale, n), x])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.integers(5, 60), st.integers(5, 60), st.floats(0.001, 1000))
def test_a_lift_knows_no_unit_and_a_swap_of_arms_turns_it_over(
    seed: int, n_control: int, n_variant: int, scale: float
) -> None:
    control, variant = columns_of(seed, n_control), columns_of(seed + 1, n_variant)
    plain = compare_means(Moments.of(control), Moments.of(variant))
    scaled = compare_means(Moments.of(control * [scale, 1.0]), Moments.of(variant * [scale, 1.0]))
    swapped = compare_means(Moments.of(variant), Moments.of(control))

    assert scaled.p == pytest.approx(plain.p, rel=1e-6, abs=1e-12)
    assert scaled.lift_ci == pytest.approx(plain.lift_ci, rel=1e-6, abs=1e-9, nan_ok=True)
    assert scaled.difference == pytest.approx(plain.difference * scale, rel=1e-6, abs=1e-12)
    assert swapped.p == pytest.approx(plain.p, rel=1e-6, abs=1e-12)
    assert swapped.difference == pytest.approx(-plain.difference, rel=1e-6, abs=1e-12)


def draws(random: np.random.Generator, lift: float, n: int = 200) -> tuple[Comparison, Comparison]:
    """Means with a covariate, and ratios, of two arms with this true lift."""
    arms = []
    for factor in (1.0, 1.0 + lift):
        taste = 0.8 * random.beta(2.0, 6.0, n)
        views = 1 + random.poisson(4.0, n)
        before = random.binomial(20, taste)
        arms.append((random.binomial(views, taste * factor), views, before))
    means = [Moments.of(np.column_stack([clicks, before])) for clicks, _, before in arms]
    ratios = [Moments.of(np.column_stack([clicks, views])) for clicks, views, _ in arms]
    return compare_means(*means), compare_ratios(*ratios)


def test_the_intervals_of_a_lift_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(11)
    found = [draws(random, 0.15) for _ in range(1000)]
    for kind in range(2):
        inside = [each[kind].lift_ci[0] <= 0.15 <= each[kind].lift_ci[1] for each in found]
        assert 0.932 <= np.mean(inside) <= 0.968  # 2.6 standard errors of a share


@pytest.mark.parametrize(("chance", "lift", "share"), [(0.006, 0.0, 0.974), (0.05, 0.2, 0.950)])
def test_the_interval_of_a_lift_is_not_too_narrow_with_few_conversions(
    chance: float, lift: float, share: float
) -> None:
    random = np.random.default_rng(0)
    rates = random.binomial(1000, [[chance], [chance * (1 + lift)]], (2, 6000)) / 1000
    inside, known = 0, 0
    for control, variant in rates.T.tolist():
        found = compare_estimates(
            Estimate(control, control * (1 - control) / 999, 1000),
            Estimate(variant, variant * (1 - variant) / 999, 1000),
        )
        known += not math.isnan(found.lift_ci[0])
        inside += found.lift_ci[0] <= lift <= found.lift_ci[1]
    assert inside / known == pytest.approx(share, abs=0.009)


def test_p_is_uniform_where_there_is_no_difference() -> None:
    random = np.random.default_rng(12)
    found = [draws(random, 0.0) for _ in range(1000)]
    for kind in range(2):
        assert stats.kstest([each[kind].p for each in found], "uniform").pvalue > 0.01
