"""Blends and calibrations are kept where they help rows that did not choose them, else not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from liverank.automl.ensemble.calibration import choose_calibration, fit_affine, fit_steps
from liverank.automl.ensemble.greedy import (
    Candidates,
    best_single,
    choose_ensemble,
    choose_proven_ensemble,
    greedy_weights,
    weighted_sum,
)
from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.metrics.bootstrap import gain_interval
from liverank.automl.metrics.objective import find_objective

LINKS = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}


def held(target, task="binary", objective=None, weight=None, groups=None):
    return EvalRows(target, weight, groups, find_objective(objective, task), LINKS[task])


def world(task, n, seed):
    """True margins, float64[n, k], and targets drawn from them."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(0, 2, (n, 3 if task == "multiclass" else 1))
    if task == "regression":
        return truth, truth[:, 0] + generator.normal(0, 0.5, n)
    if task == "binary":
        return truth, (generator.random(n) < 1 / (1 + np.exp(-truth[:, 0]))).astype(float)
    return truth, (truth + generator.gumbel(size=truth.shape)).argmax(axis=1).astype(float)


def noisy(truth, n_models, scale=1.0, seed=5):
    generator = np.random.default_rng(seed)
    return [truth + generator.normal(0, scale, truth.shape) for _ in range(n_models)]


@pytest.mark.parametrize("task", LINKS)
def test_models_with_errors_of_their_own_are_blended_evenly(task):
    truth, target = world(task, 4000, 0)
    models = noisy(truth, 2)
    rows = held(target, task)
    np.testing.assert_allclose(greedy_weights(models, rows), [0.5, 0.5], atol=0.12)
    later, later_target = world(task, 1000, 1)
    on_later = noisy(later, 2, seed=6)
    ensemble = choose_ensemble(Candidates(models, rows, on_later, held(later_target, task)))
    assert ensemble.kept
    assert 0 < ensemble.gain[0] < ensemble.gain[1]


@pytest.mark.parametrize("task", LINKS)
def test_a_copy_of_the_best_model_is_not_worth_a_blend(task):
    truth, target = world(task, 1000, 0)
    model, far = noisy(truth, 1)[0], noisy(truth, 1, scale=40.0, seed=9)[0]
    rows = held(target, task)
    later, later_target = world(task, 300, 1)
    one, other = noisy(later, 1, seed=6)[0], noisy(later, 1, scale=40.0, seed=7)[0]
    later_rows = held(later_target, task)
    ensemble = choose_ensemble(Candidates([far, model, model], rows, [other, one, one], later_rows))
    assert not ensemble.kept
    assert ensemble.weights.tolist() == [0.0, 1.0, 0.0]


def test_a_blend_whose_gain_may_be_luck_is_not_kept():
    truth, target = world("binary", 200, 0)
    later, later_target = world("binary", 100, 1)
    models, on_later = noisy(truth, 4, scale=0.1), noisy(later, 4, scale=0.1, seed=6)
    ensemble = choose_ensemble(Candidates(models, held(target), on_later, held(later_target)))
    assert (greedy_weights(models, held(target)) > 0).sum() > 1, "there was a blend to keep"
    assert ensemble.gain[0] <= 0 < ensemble.gain[1]
    assert not ensemble.kept
    assert sorted(ensemble.weights.tolist()) == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("objective", ["auc", "auc_pr", "log_loss", "precision_at_recall=.9"])
@given(st.integers(0, 50))
def test_a_blend_never_loses_to_the_best_single_model(objective, seed):
    truth, target = world("binary", 60, seed)
    if target.min() == target.max():
        return
    models = noisy(truth, 3, scale=2.0, seed=seed)
    rows = held(target, objective=objective)
    weights = greedy_weights(models, rows, steps=8)
    assert weights.sum() == pytest.approx(1)
    best = min(rows.loss(model) for model in models)
    assert rows.loss(weighted_sum(models, weights)) <= best + 1e-9


def test_the_interval_of_a_gain_holds_the_truth_as_often_as_it_says():
    # The gain of each row is known: losses of two constants on fair coins.
    inside = 0
    for seed in range(60):
        target = np.random.default_rng(seed).integers(0, 2, 400).astype(float)
        before, after = np.full((400, 1), 1.0), np.full((400, 1), 0.3)
        expected = np.mean(
            [np.logaddexp(0, s * 1.0) - np.logaddexp(0, s * 0.3) for s in (-1.0, 1.0)]
        )
        low, high = gain_interval(before, after, held(target), seed=seed)
        inside += low <= expected <= high
    assert 48 <= inside <= 60


def test_rows_of_a_group_are_drawn_together_and_make_the_interval_wider():
    generator = np.random.default_rng(0)
    per_group = generator.integers(0, 2, 50).astype(float)
    target, groups = np.repeat(per_group, 20), np.repeat(np.arange(50), 20)
    before, after = np.zeros((1000, 1)), np.full((1000, 1), 0.5)
    alone = gain_interval(before, after, held(target))
    together = gain_interval(before, after, held(target, groups=groups))
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


def test_groups_of_joined_rows_stay_apart_and_parts_divide_none():
    rows = held(np.zeros(4), groups=np.array([5, 5, 9, 9]))
    both = joined(rows, rows)
    assert len(np.unique(both.groups)) == 4
    part = both.parts(2)
    assert np.bincount(part).tolist() == [4, 4]
    assert all(len(set(part[both.groups == g])) == 1 for g in both.groups)


@given(st.integers(0, 30))
def test_the_affine_calibration_is_the_lowest_point_of_its_penalised_loss(seed):
    truth, target = world("binary", 200, seed)
    margins, rows = truth * 2 + 0.3, held(target)

    def loss(point):
        penalty = ((point[0] - 1) ** 2 + point[1] ** 2) / 2
        return rows.row_losses(margins * point[0] + point[1]).sum() + penalty

    bounds = [(0.05, 5.0), (None, None)]
    lowest = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", bounds=bounds).fun
    found = fit_affine(margins, rows)
    assert loss((found.slope[0], found.offset[0])) < lowest + 1e-3


def test_a_bold_model_replaces_a_cautious_one_only_beyond_noise():
    truth, target = world("binary", 400, 0)
    rows, first_is_conservative = held(target), np.array([True, False])
    alike = sorted(noisy(truth, 2, 0.7), key=rows.loss, reverse=True)
    assert best_single(alike, rows) == 1
    assert best_single(alike, rows, first_is_conservative) == 0, "the other was better by luck"
    worse = truth + np.random.default_rng(1).normal(0, 3, truth.shape)
    assert best_single([worse, alike[0]], rows, first_is_conservative) == 1
    assert best_single([worse, alike[0]], rows, ~first_is_conservative) == 1


def test_affine_calibration_undoes_what_distorted_the_classes():
    truth, target = world("multiclass", 30_000, 0)
    distorted = truth / 0.5 + np.array([1.0, 0.0, -1.0])
    found = fit_affine(distorted, held(target, "multiclass"))
    np.testing.assert_allclose(found.slope, 0.5, atol=0.03)
    np.testing.assert_allclose(found.offset - found.offset[1], [-0.5, 0, 0.5], atol=0.06)


def test_affine_calibration_of_a_regression_is_least_squares_with_weights():
    truth, target = world("regression", 300, 0)
    weight = np.random.default_rng(1).integers(1, 4, 300).astype(float)
    found = fit_affine(truth * 2 + 1, held(target, "regression", weight=weight))
    design = np.column_stack([truth[:, 0] * 2 + 1, np.ones(300)])
    root = np.sqrt(weight)
    expected = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
    np.testing.assert_allclose([found.slope[0], found.offset[0]], expected, rtol=1e-9)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=40))
def test_steps_are_the_least_squares_fit_that_rises(some):
    x, target = (np.array(part, float) for part in zip(*sorted(some), strict=True))
    found = fit_steps(x[:, None], held(target))
    assert (np.diff(found.levels) >= 0).all()
    # Pools by their plain definition: the max-min formula of isotonic regression.
    n = len(x)
    best = [
        max(min(target[a : b + 1].mean() for b in range(i, n)) for a in range(i + 1))
        for i in range(n)
    ]
    assert len(found.knots) <= len(np.unique(np.round(best, 12)))


def test_steps_mend_what_a_slope_cannot_and_are_tried_on_many_rows_only():
    def bent(n, seed):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=(n, 1))
        return x, (generator.random(n) < np.where(x[:, 0] > 0, 0.7, 0.2)).astype(float)

    (x, y), (later, later_y) = bent(30_000, 0), bent(5000, 1)
    found = choose_calibration(x, held(y), later, held(later_y))
    assert found.kind == "steps"
    at = found.calibrator.apply(np.array([[-1.0], [1.0]]))[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-at)), [0.2, 0.7], atol=0.03)
    few = choose_calibration(x[:2000], held(y[:2000]), later, held(later_y))
    assert few.kind == "affine"


def test_calibration_that_does_not_help_later_rows_is_not_kept():
    truth, target = world("binary", 500, 0)
    later, later_target = world("binary", 2000, 1)
    drifted = choose_calibration(truth - 2, held(target), later, held(later_target))
    assert drifted.kind == "none"
    assert not drifted.calibrator.changes
    kept = choose_calibration(truth * 3, held(target), later * 3, held(later_target))
    assert kept.kind == "affine"


def chosen_with_doubt(scales, doubted):
    """Of models whose errors have these deviations, on rows drawn by tens."""
    truth, target = world("binary", 3000, 0)
    later, later_target = world("binary", 1000, 1)
    rows, judged = (
        held(each, groups=np.arange(len(each)) // 10) for each in (target, later_target)
    )
    models, on_judged = (
        [noisy(true, 1, scale, seed)[0] for seed, scale in enumerate(scales, start)]
        for true, start in ((truth, 5), (later, 50))
    )
    is_conservative = np.zeros(len(scales), np.bool_)
    doubted = np.array(doubted)
    candidates = Candidates(models, rows, on_judged, judged, is_conservative)
    return choose_proven_ensemble(candidates, doubted, seed=0), choose_ensemble(candidates, seed=0)


def test_a_doubted_model_is_used_where_it_helps_beyond_noise_and_refused_where_it_does_not():
    helping, plain = chosen_with_doubt([1.0, 1.0, 0.3], [False, False, True])
    assert helping.weights.tolist() == plain.weights.tolist()
    assert helping.weights[2] > 0.5
    assert helping.excluded is None

    useless, _ = chosen_with_doubt([1.0, 1.0, 8.0], [False, False, True])
    assert useless.weights[2] == 0
    assert useless.weights.sum() == pytest.approx(1)
    assert useless.excluded.tolist() == [False, False, True]
    assert useless.cross_fitted.shape == (3000, 1)
    wider = useless.among(np.array([True, False, True, True]))
    assert wider.excluded.tolist() == [False, False, False, True]
    assert wider.weights.tolist() == [useless.weights[0], 0.0, useless.weights[1], 0.0]


@pytest.mark.parametrize("doubted", [[False, False], [True, True]])
def test_where_all_models_are_alike_in_doubt_nothing_is_refused(doubted):
    chosen, plain = chosen_with_doubt([1.0, 1.5], doubted)
    assert chosen.weights.tolist() == plain.weights.tolist()
    assert chosen.excluded is None
