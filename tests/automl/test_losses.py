"""The arithmetic that chooses between models equals its definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from liverank.automl.losses import (
    fit_calibration,
    gain_in_errors,
    greedy_blend,
    log_odds,
    margin_log_loss,
    row_losses,
)
from liverank.dataset.metrics import log_loss

pairs = st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 1)), min_size=1, max_size=40).map(
    lambda some: (np.array([m for m, _ in some]), np.array([y for _, y in some], np.uint8))
)


@given(pairs)
def test_loss_on_margins_is_the_log_loss_of_their_probabilities(case):
    margins, labels = case
    probabilities = 1 / (1 + np.exp(-margins))
    assert margin_log_loss(margins, labels) == pytest.approx(log_loss(probabilities, labels))
    assert math.isnan(margin_log_loss(margins[:0], labels[:0]))


@given(pairs, st.integers(1, 4), st.integers(0, 99))
def test_a_blend_sums_to_one_and_never_loses_to_the_best_single_model(case, n_models, seed):
    margins, labels = case
    generator = np.random.default_rng(seed)
    models = [margins + generator.normal(0, 3, len(margins)) for _ in range(n_models)]
    weights = greedy_blend(models, labels)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    best = min(margin_log_loss(model, labels) for model in models)
    assert margin_log_loss(weights @ np.stack(models), labels) <= best + 1e-9


def test_two_models_with_errors_of_their_own_are_blended():
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 2, 20_000)
    labels = (generator.random(20_000) < 1 / (1 + np.exp(-truth))).astype(np.uint8)
    models = [truth + generator.normal(0, 1, 20_000) for _ in range(2)]
    np.testing.assert_allclose(greedy_blend(models, labels), [0.5, 0.5], atol=0.1)


@pytest.mark.parametrize(("slope", "offset"), [(0.5, 0.0), (1.0, -1.0), (2.0, 0.7)])
def test_calibration_finds_the_slope_and_offset_that_distorted_the_margins(slope, offset):
    generator = np.random.default_rng(0)
    margins = generator.normal(0, 1.5, 50_000)
    probabilities = 1 / (1 + np.exp(-(slope * margins + offset)))
    labels = (generator.random(50_000) < probabilities).astype(np.uint8)
    assert fit_calibration(margins, labels) == pytest.approx((slope, offset), abs=0.05)


def test_calibration_is_the_lowest_point_of_its_penalised_loss():
    generator = np.random.default_rng(1)
    margins = generator.normal(size=30)
    labels = (margins + generator.normal(size=30) > 0).astype(np.uint8)

    def loss(point):
        penalty = ((point[0] - 1) ** 2 + point[1] ** 2) / 2
        return row_losses(point[0] * margins + point[1], labels).sum() + penalty

    expected = minimize(loss, [1, 0], method="Nelder-Mead", options={"xatol": 1e-6}).x
    np.testing.assert_allclose(fit_calibration(margins, labels), expected, atol=1e-3)


def test_an_order_survives_calibration_even_of_margins_that_are_wrong_way_round():
    labels = np.array([1, 0] * 50, np.uint8)
    slope, _ = fit_calibration(np.array([-3.0, 3.0] * 50), labels)
    assert slope > 0


def test_a_gain_is_counted_in_errors_over_rankings_not_rows():
    generator = np.random.default_rng(2)
    labels = np.zeros(1000, np.uint8)
    of_rankings = np.repeat(generator.normal(-0.01, 0.3, 100), 10)  # rows of one ranking are alike
    before, after = np.zeros(1000), of_rankings
    clustered = gain_in_errors(before, after, labels, np.repeat(np.arange(100), 10))
    by_row = gain_in_errors(before, after, labels, np.arange(1000))
    assert abs(by_row) > 2.5 * abs(clustered) > 0
    gains = -row_losses(after, labels) + row_losses(before, labels)
    of_row = gains.mean() / (gains.std() / math.sqrt(1000))
    assert by_row == pytest.approx(of_row, rel=1e-6)


def test_log_odds_of_one_class_are_finite():
    assert math.isfinite(log_odds(np.zeros(5, np.uint8)))
    assert log_odds(np.array([1, 0], np.uint8)) == 0
