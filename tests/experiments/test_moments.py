"""Moments are those of NumPy, however the units are cut into pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.experiments.statistics.delta_method import linearise
from liverank.experiments.statistics.moments import Moments


@settings(deadline=None)
@given(
    st.integers(0, 1000),
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
    st.sampled_from([0.0, 1e3, 1e8]),
)
def test_moments_of_pieces_added_in_any_order_are_those_of_all(
    seed: int, sizes: list[int], shift: float
) -> None:
    random = np.random.default_rng(seed)
    pieces = [random.normal(shift, 2.0, (size, 3)) for size in sizes]
    everything = np.concatenate(pieces)
    total = Moments.none(3)
    for place in random.permutation(len(pieces)):
        total = total + Moments.of(pieces[place])

    assert total.count == len(everything)
    if len(everything) > 1:
        assert total.means == pytest.approx(everything.mean(axis=0), rel=1e-12)
        told = np.cov(everything - shift, rowvar=False)
        assert total.covariance == pytest.approx(told, rel=1e-6, abs=1e-6)


def test_moments_of_large_numbers_lose_nothing_of_their_spread() -> None:
    values = 1e9 + np.arange(10_001.0)
    assert Moments.of(values).covariance[0, 0] == pytest.approx(np.var(np.arange(10_001.0), ddof=1))


def test_one_unit_has_a_mean_and_no_variance() -> None:
    one = Moments.of(np.array([[2.0, 3.0]]))
    assert one.means.tolist() == [2.0, 3.0]
    assert np.isnan(one.covariance).all()


def test_a_linearised_ratio_varies_like_the_ratio_of_bootstrapped_units() -> None:
    random = np.random.default_rng(3)
    views = 1.0 + random.poisson(5.0, 2000)
    clicks = random.binomial(views.astype(int), random.beta(1.0, 3.0, 2000)).astype(float)
    found = linearise(Moments.of(np.column_stack([clicks, views])), [(0, 1)])

    picks = random.integers(0, 2000, (2000, 2000))
    ratios = clicks[picks].sum(axis=1) / views[picks].sum(axis=1)

    assert found.values[0] == pytest.approx(clicks.sum() / views.sum())
    assert np.sqrt(found.covariance[0, 0] / 2000) == pytest.approx(ratios.std(), rel=0.06)
