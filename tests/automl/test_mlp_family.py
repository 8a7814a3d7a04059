"""The neural family learns, stops when it is told to, and gives back the net that it trained."""

import subprocess
import sys
import time

import numpy as np
import pytest

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families.mlp import mlp
from liverank.automl.families.mlp.prepare import find_scales, first_weights, to_mlp

pytest.importorskip("jax", reason="the extra `automl` is not installed")

SMALL = {"width": 32, "layers": 2, "members": 2, "embedding": 4, "bins": 8, "batch": 64}


def a_matrix(task, n=1500, seed=0, f=4):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, f)).astype(np.float32)
    signal = 2 * np.abs(x[:, 0]) - 1.5 + x[:, 1] * (x[:, 2] > 0)
    x[generator.random((n, f)) < 0.1] = np.nan
    classes = 1
    if task == "binary":
        target = (generator.random(n) < 1 / (1 + np.exp(-2 * signal))).astype(float)
    elif task == "multiclass":
        classes = 3
        target = np.digitize(signal + generator.normal(size=n) / 4, [-0.5, 0.5]).astype(float)
    else:
        target = 100 + 20 * (signal + generator.normal(size=n) / 4)
    names = tuple(f"x{j}" for j in range(f))
    return Matrix(x, target, None, names, (0,) * f, task, classes)


def fit(train, validation, *, rounds=None, seconds=600.0, seed=0, **params):
    deadline = Deadline(time.monotonic() + seconds, time.monotonic)
    params = {**SMALL, **params}
    return mlp.fit(
        train, validation, params, seed=seed, n_threads=1, deadline=deadline, rounds=rounds
    )


def loss(margins, matrix):
    if matrix.task == "regression":
        return ((margins[:, 0] - matrix.target) ** 2).mean()
    if matrix.task == "binary":
        return (np.logaddexp(0, margins[:, 0]) - matrix.target * margins[:, 0]).mean()
    own = margins[np.arange(len(matrix)), matrix.target.astype(int)]
    return (np.logaddexp.reduce(margins, axis=1) - own).mean()


def constant(matrix):
    if matrix.task == "regression":
        return matrix.target.var()
    shares = np.bincount(matrix.target.astype(int)) / len(matrix)
    return -(shares * np.log(shares)).sum()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_it_learns_what_no_constant_and_no_line_can_say(task):
    later = a_matrix(task, seed=1)
    fitted = fit(a_matrix(task), later, rounds=200)
    margins = fitted.margins(later.features)

    assert margins.shape == (len(later), later.classes)
    assert loss(margins, later) < 0.8 * constant(later)
    assert 0 < fitted.rounds <= fitted.rounds_run <= 200
    assert not fitted.out_of_time
    assert fitted.gains[0] > fitted.gains[3] >= 0


def test_the_net_that_scores_is_the_net_that_was_trained():
    from liverank.automl.families.mlp.network import Bins, forward

    for task in ("binary", "multiclass", "regression"):
        train = a_matrix(task, n=300)
        generator = np.random.default_rng(3)
        scales = find_scales(train, 8)
        weights = first_weights(train, {**mlp.DEFAULTS[0][1], **SMALL}, generator)
        weights |= {
            name: generator.normal(size=weights[name].shape).astype(np.float32)
            for name in ("bins", "missing")
        }
        rows = scales.rows(train.features)
        outputs = forward(weights, Bins(scales.knot, scales.inverse_width), rows)
        expected = np.asarray(outputs, np.float64) * scales.stretch + scales.shift
        margins = to_mlp(scales, weights).margin(train.features).reshape(expected.shape)
        spread = np.abs(expected - scales.shift).max()
        np.testing.assert_allclose(margins, expected, atol=1e-5 * spread, rtol=1e-5)


def test_the_same_seed_and_rounds_give_the_same_bytes():
    train = a_matrix("binary", n=400)
    first, again, other = (fit(train, None, rounds=15, seed=seed) for seed in (1, 1, 2))

    def content(fitted):
        return b"".join(array.tobytes() for array in fitted.parts[0].to_arrays().values())

    assert content(first) == content(again)
    assert content(first) != content(other)
    assert first.rounds == first.rounds_run == 15


def test_the_best_look_is_kept_and_can_be_had_again_without_looking():
    train, later = a_matrix("binary", n=300), a_matrix("binary", n=300, seed=1)
    looked = fit(train, later, dropout=0.0, weight_decay=0.0)
    assert looked.rounds < looked.rounds_run < mlp.MOST_ROUNDS

    again = fit(train, None, rounds=looked.rounds, dropout=0.0, weight_decay=0.0)
    np.testing.assert_array_equal(again.margins(later.features), looked.margins(later.features))


def test_training_ends_before_its_deadline():
    readings = []

    def clock():
        readings.append(len(readings) / 4)  # each reading a quarter of a second later
        return readings[-1]

    matrix = a_matrix("binary", n=400)
    fitted = mlp.fit(
        matrix, matrix, SMALL, seed=0, n_threads=1, deadline=Deadline(40.0, clock), rounds=None
    )

    assert 30 < readings[-1] < 40
    assert fitted.out_of_time
    assert 0 < fitted.rounds <= fitted.rounds_run < 160
    again = fit(matrix, None, rounds=fitted.rounds)
    np.testing.assert_array_equal(again.margins(matrix.features), fitted.margins(matrix.features))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_time_to_compile_it_gives_the_mean_of_the_targets(task):
    train = a_matrix(task)
    fitted = fit(train, None, seconds=0.1)
    assert fitted.out_of_time
    assert fitted.rounds == fitted.rounds_run == 0
    assert loss(fitted.margins(train.features), train) == pytest.approx(constant(train), rel=1e-3)


def test_weights_count_as_repetitions():
    train = a_matrix("binary", n=400)
    heavy = np.where(train.target == 1, 9.0, 1.0)
    weighted = Matrix(train.features, train.target, heavy, train.names, train.directions, "binary")
    plain, leaning = (fit(matrix, None, rounds=60) for matrix in (train, weighted))
    rise = leaning.margins(train.features).mean() - plain.margins(train.features).mean()
    assert 1 < rise < 4, "odds nine times as high are log-odds 2.2 higher"


def test_columns_that_never_vary_and_tables_of_few_rows_do_no_harm():
    features = np.array([[1, np.nan, 0], [1, np.nan, 5], [1, np.nan, 9]], np.float32)
    train = Matrix(features, np.array([0.0, 1.0, 1.0]), None, ("a", "b", "c"), (0, 0, 0), "binary")
    fitted = fit(train, None, rounds=5)
    net = fitted.parts[0]

    assert np.isfinite(fitted.margins(features)).all()
    assert net.used.tolist() == [2]
    strange = np.array([[-1e30, 1e30, 0]], np.float32)
    np.testing.assert_array_equal(net.margin(strange), net.margin(features[:1]))


def test_bins_lie_where_the_values_differ():
    values = np.append(np.zeros(9000), np.arange(1, 1001)).astype(np.float32)[:, None]
    target = np.arange(10_000) % 2.0
    train = Matrix(values, target, None, ("mostly zero",), (0,), "binary")
    scales = find_scales(train, 8)
    read = scales.rows(values)[:, 0]
    assert (scales.inverse_width > 0).sum() >= 4
    ends = scales.knot[0] + 1 / np.maximum(scales.inverse_width[0], 1e-9)
    assert scales.knot[0].min() == read.min()
    assert ends[scales.inverse_width[0] > 0].max() == pytest.approx(read.max(), rel=1e-5)


def test_the_package_works_without_the_extra_and_says_what_to_install():
    code = """
import sys, time
sys.modules["jax"] = None
import numpy as np
from liverank.automl.budget import Deadline
from liverank.automl.families.mlp import mlp
from liverank.automl.data.matrix import Matrix
from liverank.errors import TrainingError
train = Matrix(np.zeros((4, 1), np.float32), np.array([0.0, 1, 0, 1]), None, ("a",), (0,), "binary")
deadline = Deadline(time.monotonic() + 60, time.monotonic)
try:
    mlp.fit(train, None, {}, seed=0, n_threads=1, deadline=deadline, rounds=1)
except TrainingError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "install liverank[automl]" in result.stdout
