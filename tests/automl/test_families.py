"""The families train what their definitions say, and stop when they are told to."""

import numpy as np
import pytest
from scipy.optimize import minimize

from liverank.automl.boosting import SHAPES, bin_rows, boost, shape_for
from liverank.automl.deadline import Deadline
from liverank.automl.logistic import fit_logistic, linear_gains
from liverank.automl.logistic_kernel import logistic_kernel
from liverank.automl.losses import margin_log_loss
from liverank.dataset.rows import Rows


def rows_of(features, labels):
    n = len(labels)
    return Rows(
        features=np.ascontiguousarray(features, np.float32),
        labels=np.asarray(labels, np.uint8),
        rankings=np.arange(n),
        at_ms=np.arange(n),
        names=tuple(f"x{i}" for i in range(features.shape[1])),
    )


def a_table(n=2000, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 4))
    margin = 1.5 * x[:, 0] - x[:, 1] + 2 * (x[:, 2] > 1) - 0.5
    return rows_of(x, generator.random(n) < 1 / (1 + np.exp(-margin)))


def test_the_kernel_gives_the_loss_and_its_gradient():
    generator = np.random.default_rng(0)
    design, point = generator.normal(size=(50, 3)), generator.normal(size=4)
    labels = generator.integers(0, 2, 50).astype(np.uint8)

    def loss(at):
        return margin_log_loss(design @ at[:-1] + at[-1], labels) * 50

    total, gradient = logistic_kernel(design, labels, point)
    assert total == pytest.approx(loss(point))
    for i in range(4):
        nudge = np.eye(4)[i] * 1e-6
        slope = (loss(point + nudge) - loss(point - nudge)) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_the_logistic_is_the_lowest_point_of_its_penalised_loss():
    generator = np.random.default_rng(0)
    x = generator.choice([-1.0, 1.0], size=(400, 2))
    x *= np.sqrt(len(x) / (x**2).sum(axis=0))
    labels = (generator.random(400) < 1 / (1 + np.exp(-x[:, 0]))).astype(np.uint8)
    centred = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(point):
        return (
            margin_log_loss(centred @ point[:2] + point[2], labels) * 400
            + 5.0 * (point[:2] ** 2).sum()
        )

    expected = minimize(loss, np.zeros(3)).x
    model = fit_logistic(x.astype(np.float32), labels, l2=10.0)
    np.testing.assert_allclose(
        model.margin(x.astype(np.float32)), centred @ expected[:2] + expected[2], atol=1e-2
    )


def test_the_logistic_learns_from_what_is_unknown_and_shrugs_off_outliers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 3)).astype(np.float32)
    unknown = generator.random(3000) < 0.3
    labels = (generator.random(3000) < np.where(unknown, 0.8, 0.2)).astype(np.uint8)
    x[unknown, 0] = np.nan
    x[0, 1], x[1, 1], x[2, 1] = np.inf, -np.inf, 3e38
    x[:, 2] = np.nan
    model = fit_logistic(x, labels, l2=1.0)
    missing = model.margin(np.array([[np.nan, 0, 0]], np.float32))[0]
    assert missing == pytest.approx(np.log(4), abs=0.3)
    gains = linear_gains(model, x)
    assert gains[0] > 5 * gains[1]
    assert gains[2] == 0


def test_the_logistic_stops_when_told_to():
    data = a_table()
    early = fit_logistic(data.features, data.labels, l2=1.0, expired=lambda: True)
    late = fit_logistic(data.features, data.labels, l2=1.0)
    losses = [margin_log_loss(m.margin(data.features), data.labels) for m in (early, late)]
    assert losses[1] < losses[0] < np.log(2)


def test_boosting_keeps_its_best_round_and_is_the_same_on_any_number_of_threads():
    data = bin_rows(a_table(), a_table(1000, seed=1))
    for name in SHAPES:
        shape = shape_for(name, 2000, 1000)
        one, two = (
            boost(data, shape, rounds=1000, seed=7, n_threads=n, expired=lambda: False)
            for n in (1, 2)
        )
        assert one.rounds < one.rounds_run < 1000  # stopped early, and dropped the last ones
        assert one.forest.n_trees == one.rounds
        for key, array in one.forest.to_arrays().items():
            np.testing.assert_array_equal(array, two.forest.to_arrays()[key])


def test_boosting_stops_when_told_to_and_says_so():
    data = bin_rows(a_table(), a_table(1000, seed=1))
    shape = shape_for("trees_steady", 2000, 1000)
    result = boost(data, shape, rounds=400, seed=7, n_threads=1, expired=lambda: True)
    assert result.out_of_time
    assert result.forest.n_trees == 1


def test_boosting_without_a_block_that_chooses_runs_all_its_rounds(capfd):
    result = boost(
        bin_rows(a_table()),
        shape_for("trees_random", 2000, 1000),
        rounds=20,
        seed=1,
        n_threads=1,
        expired=lambda: False,
    )
    assert (result.rounds, result.out_of_time) == (20, False)
    assert capfd.readouterr() == ("", "")


def test_a_deadline_hands_down_parts_of_itself():
    now = [100.0]
    deadline = Deadline(110.0, lambda: now[0])
    half = deadline.share(0.5)
    now[0] = 105.0
    assert (half.expired(), half.left_s(), deadline.left_s()) == (True, 0.0, 5.0)
