"""Linear models of every task find the coefficients that made the data, or the exact optimum."""

import numpy as np
import pytest

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families.linear import linear
from liverank.automl.families.linear.kernel import linear_loss_kernel
from liverank.automl.metrics.figures import mean_loss
from liverank.models.linear.model import expand

FOREVER = Deadline(1.0, lambda: 0.0)


def a_matrix(task, n=3000, seed=0, weight=None):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3)).astype(np.float32)
    margins = x @ np.array([[1.0, 0, -1], [0, 1, -1], [0, 0, 0]]) + generator.gumbel(size=(n, 3))
    target = {
        "binary": (generator.random(n) < 1 / (1 + np.exp(-(2 * x[:, 0] - x[:, 1])))).astype(float),
        "multiclass": margins.argmax(axis=1).astype(float),
        "regression": 100 + 5.0 * (2 * x[:, 0] - x[:, 1]) + generator.normal(size=n),
    }[task]
    classes = 3 if task == "multiclass" else 1
    return Matrix(x, target, weight, ("a", "b", "c"), (0, 0, 0), task, classes)


def fit(train, validation=None, rounds=None, **changes):
    arguments = {"seed": 0, "n_threads": 1, "deadline": FOREVER, "rounds": rounds} | changes
    return linear.fit(train, validation, linear.DEFAULTS[0][1], **arguments)


@pytest.mark.parametrize("is_based", [False, True])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_gradient_is_the_slope_of_the_loss(kind, is_based):
    generator = np.random.default_rng(0)
    k = 3 if kind == 1 else 1
    design, point = generator.normal(size=(40, 2)), generator.normal(size=(k, 3))
    target = generator.integers(0, 3 if kind == 1 else 2, 40).astype(float)
    weight = generator.random(40)
    base = generator.normal(size=40) if is_based else np.zeros(0)
    _, gradient = linear_loss_kernel(design, target, weight, point, kind, base)
    for place in np.ndindex(point.shape):
        step = np.zeros_like(point)
        step[place] = 1e-6
        up, down = (
            linear_loss_kernel(design, target, weight, point + way * step, kind, base)[0]
            for way in (1, -1)
        )
        assert gradient[place] == pytest.approx((up - down) / 2e-6, abs=1e-4)


@pytest.mark.parametrize(
    ("task", "least"), [("binary", 0.9), ("multiclass", 0.9), ("regression", 0.99)]
)
def test_margins_are_those_that_made_the_data(task, least):
    found = fit(a_matrix(task), a_matrix(task, seed=1))
    later = a_matrix(task, seed=2)
    margins = found.margins(later.features)
    x = later.features
    truth = {
        "binary": (2 * x[:, 0] - x[:, 1])[:, None],
        "multiclass": np.column_stack([x[:, 0], x[:, 1], -x[:, 0] - x[:, 1]]),
        "regression": (100 + 5 * (2 * x[:, 0] - x[:, 1]))[:, None],
    }[task]
    margins = margins - margins.mean(axis=1, keepdims=True) if task == "multiclass" else margins
    truth = truth - truth.mean(axis=1, keepdims=True) if task == "multiclass" else truth
    assert np.corrcoef(margins.ravel(), truth.ravel())[0, 1] > least
    assert found.gains[2] < 0.2 * found.gains[0]


def test_a_regression_is_the_ridge_of_the_books():
    train = a_matrix("regression", n=400)
    found = fit(train, rounds=linear.ROUNDS)
    part = found.parts[0]
    x = expand(train.features, part.low, part.high, part.logarithmic)
    z = (x - x.mean(0)) / x.std(0)
    y = (train.target - train.target.mean()) / train.target.std()
    l2 = 1000 / 10 ** ((linear.ROUNDS - 1) / 2)
    beta = np.linalg.solve(z.T @ z + l2 * np.eye(3), z.T @ y)
    expected = (z @ beta) * train.target.std() + train.target.mean()
    np.testing.assert_allclose(found.margins(train.features)[:, 0], expected, atol=0.05)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_penalty_that_the_choosing_rows_like_is_found_again_by_its_round(task):
    train, validation = a_matrix(task, n=60), a_matrix(task, seed=1)
    found = fit(train, validation)
    again = fit(train, rounds=found.rounds)
    assert [a.tobytes() for p in found.parts for a in p.to_arrays().values()] == [
        a.tobytes() for p in again.parts for a in p.to_arrays().values()
    ]
    losses = [
        mean_loss(fit(train, rounds=r).margins(validation.features), validation.target, None, task)
        for r in range(1, linear.ROUNDS + 1)
    ]
    assert found.rounds == int(np.argmin(losses)) + 1


def test_time_that_is_gone_leaves_the_first_penalty():
    found = fit(a_matrix("binary"), a_matrix("binary", seed=1), deadline=Deadline(0.0, lambda: 1.0))
    assert (found.rounds_run, found.out_of_time) == (1, True)


def test_rows_without_weight_do_not_count():
    weight = np.r_[np.ones(1500), np.zeros(1500)]
    whole = a_matrix("binary", weight=weight)
    other = Matrix(
        whole.features, np.where(weight > 0, whole.target, 1 - whole.target), weight,
        whole.names, whole.directions, "binary",
    )  # fmt: skip
    one, two = (fit(m, rounds=4).margins(whole.features) for m in (whole, other))
    assert (one == two).all()


def test_it_learns_from_what_is_unknown_and_shrugs_off_outliers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 3)).astype(np.float32)
    unknown = generator.random(3000) < 0.3
    target = (generator.random(3000) < np.where(unknown, 0.8, 0.2)).astype(float)
    x[unknown, 0] = np.nan
    x[0, 1], x[1, 1], x[2, 1] = 3e38, -3e38, 1e38
    x[:, 2] = np.nan
    rows = Matrix(x, target, None, ("a", "b", "c"), (0, 0, 0), "binary")
    found = linear.fit(
        rows, None, {"heaviest": 1.0}, seed=0, n_threads=1, deadline=FOREVER, rounds=1
    )
    missing = found.margins(np.array([[np.nan, 0, 0]], np.float32))[0, 0]
    assert missing == pytest.approx(np.log(4), abs=0.3)
    assert found.gains[0] > 5 * found.gains[1]
    assert found.gains[2] == 0
