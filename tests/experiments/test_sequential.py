"""Group-sequential boundaries, held to published tables and to paths that are simulated."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liverank.errors import ExperimentError
from liverank.experiments.statistics.power import looking_costs
from liverank.experiments.statistics.sequential import (
    crossing_probabilities,
    nominal_level,
    repeated_p,
    spending,
    spent,
)


def even(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]


@pytest.mark.parametrize(
    ("kind", "looks", "published"),
    [
        # the spending functions of Lan and DeMets (1983), two-sided 0.05, equal looks
        ("obrien_fleming", 2, [2.963, 1.969]),
        ("obrien_fleming", 3, [3.710, 2.511, 1.993]),
        ("obrien_fleming", 4, [4.333, 2.963, 2.359, 2.014]),
        ("obrien_fleming", 5, [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", 5, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_boundaries_are_those_of_the_published_tables(
    kind: str, looks: int, published: list[float]
) -> None:
    assert spending(0.05, even(looks), kind) == pytest.approx(published, abs=6e-4)  # type: ignore[arg-type]


def test_one_look_is_the_ordinary_test() -> None:
    assert spending(0.05, [1.0]) == pytest.approx([1.959964], abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=40, unique=True),
    st.floats(0.001, 0.3),
    st.sampled_from(["obrien_fleming", "pocock"]),
)
def test_what_is_crossed_is_what_was_spent(steps: list[float], alpha: float, kind: str) -> None:
    fractions = (np.cumsum(steps) / np.sum(steps)).tolist()
    bounds = spending(alpha, fractions, kind)  # type: ignore[arg-type]
    totals = [spent(alpha, fraction, kind) for fraction in fractions]  # type: ignore[arg-type]
    crossed = np.cumsum(crossing_probabilities(bounds, fractions))
    assert crossed == pytest.approx(totals, rel=1e-5, abs=1e-8)


def test_daily_looks_for_four_weeks_alarm_as_often_as_stated_and_find_what_is_promised() -> None:
    fractions = even(28)
    bounds = spending(0.05, fractions)
    drift = (1.959964 + 0.841621) * math.sqrt(looking_costs(fractions))
    random = np.random.default_rng(1)
    steps = random.normal(size=(40_000, 28)) / math.sqrt(28)
    noise = np.cumsum(steps, axis=1)

    def share_crossed(shift: float) -> float:
        z = (noise + shift * np.array(fractions)) / np.sqrt(fractions)
        return float((np.abs(z) >= bounds).any(axis=1).mean())

    assert share_crossed(0.0) == pytest.approx(0.05, abs=0.004)
    assert share_crossed(drift) == pytest.approx(0.80, abs=0.007)


def test_after_all_is_spent_nothing_more_is_found() -> None:
    assert spending(0.05, [0.5, 1.0, 1.2])[-1] == math.inf


@pytest.mark.parametrize("z", [0.5, 1.9, 2.2, 3.0, 5.0])
def test_a_repeated_p_is_below_alpha_just_where_the_boundary_is_crossed(z: float) -> None:
    looks = [0.3, 0.6, 0.85]
    p = repeated_p(z, looks)
    if p < 0.999:
        assert spending(p * 1.001, looks)[-1] < z < spending(p * 0.999, looks)[-1]
    else:
        assert spending(0.999, looks)[-1] >= z


def test_a_repeated_p_at_the_only_look_is_the_ordinary_one() -> None:
    assert repeated_p(2.5, [1.0]) == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-5)


def test_a_repeated_interval_is_an_ordinary_one_of_the_nominal_level() -> None:
    assert stats.norm.ppf((1 + nominal_level(2.963)) / 2) == pytest.approx(2.963)


@pytest.mark.parametrize("looks", [[], [0.5, 0.5], [0.0, 1.0], [0.6, 0.3]])
def test_looks_that_do_not_rise_are_refused(looks: list[float]) -> None:
    with pytest.raises(ExperimentError, match="rising shares above 0"):
        spending(0.05, looks)
