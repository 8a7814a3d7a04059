"""What every family promises, and what every family of trees does, on every kind of task."""

import numpy as np
import pytest

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families import FAMILIES, is_installed
from liverank.errors import TrainingError

EVERY = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(not is_installed(name), reason="its package is not installed"),
    )
    for name in FAMILIES
]
NO_NETS = [each for each in EVERY if not FAMILIES[each.values[0]].TRAITS.setup_s]
"""Families that do not compile for each shape of a table."""
TREES = [each for each in EVERY if FAMILIES[each.values[0]].TRAITS.is_boosting]
TASKS = ("binary", "multiclass", "regression")
QUICK = {
    "lightgbm": {"learning_rate": 0.2, "num_leaves": 15, "min_data_in_leaf": 10},
    "xgboost": {"learning_rate": 0.2, "max_depth": 4, "subsample": 0.8},
    "catboost": {"learning_rate": 0.2, "depth": 4, "subsample": 0.8},
}


"""Settings that learn in a few rounds; of other families the first published ones are taken."""


def a_matrix(task, seed=0, n=600, **changes):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 4)).astype(np.float32)
    signal = 1.5 * x[:, 0] - x[:, 1] + 2 * (x[:, 2] > 1)
    x[generator.random(x.shape) < 0.1] = np.nan
    value = signal + generator.normal(size=n) * 0.5
    target = {
        "binary": (value > 0.5).astype(float),
        "multiclass": (value > 0).astype(float) + (value > 1.5),
        "regression": value.astype(float),
    }[task]
    parts = {
        "features": x,
        "target": target,
        "weight": None,
        "names": ("a", "b", "c", "d"),
        "directions": (0, 0, 0, 0),
        "task": task,
        "classes": 3 if task == "multiclass" else 1,
    }
    return Matrix(**{**parts, **changes})


def fit(name, train, validation=None, params=None, **changes):
    arguments = {
        "seed": 7,
        "n_threads": 1,
        "deadline": Deadline(1000.0, lambda: 0.0),
        "rounds": None if validation is not None else 12,
    }
    arguments |= changes
    params = params or QUICK.get(name) or FAMILIES[name].DEFAULTS[0][1]
    return FAMILIES[name].fit(train, validation, params, **arguments)


def loss(margins, matrix):
    target = matrix.target
    if matrix.task == "regression":
        return float(np.mean((margins[:, 0] - target) ** 2))
    if matrix.task == "binary":
        return float(np.mean(np.logaddexp(0, np.where(target == 1, -1, 1) * margins[:, 0])))
    own = margins[np.arange(len(target)), target.astype(int)]
    return float(np.mean(np.logaddexp.reduce(margins, axis=1) - own))


def arrays_of(fitted):
    return [
        array.tobytes() for part in fitted.parts for _, array in sorted(part.to_arrays().items())
    ]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", TREES)
class TestFamilyOfTrees:
    def test_it_learns_and_stops_by_the_rows_that_choose(self, name, task):
        train, validation, later = (a_matrix(task, seed) for seed in range(3))
        fitted = fit(name, train, validation)
        assert len(fitted.parts) == train.classes
        assert fitted.rounds < fitted.rounds_run < 500
        assert not fitted.out_of_time
        again = fit(name, train, rounds=fitted.rounds)
        assert again.rounds == again.rounds_run == fitted.rounds
        np.testing.assert_allclose(
            fitted.margins(later.features), again.margins(later.features), rtol=1e-6, atol=1e-6
        )
        longer = fit(name, train, rounds=fitted.rounds_run)
        assert loss(fitted.margins(validation.features), validation) < loss(
            longer.margins(validation.features), validation
        )
        constant = fit(name, train.take(slice(0, 1)))
        assert loss(fitted.margins(later.features), later) < 0.7 * loss(
            constant.margins(later.features), later
        )
        assert fitted.gains.shape == (4,)
        assert fitted.gains[0] > 3 * fitted.gains[3]

    def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(self, name, task):
        train = a_matrix(task)
        one, two, other = (
            fit(name, train, n_threads=threads, seed=seed, rounds=4)
            for threads, seed in ((1, 7), (2, 7), (1, 8))
        )
        assert arrays_of(one) == arrays_of(two)
        if name != "lightgbm":  # whose quick settings draw nothing
            assert arrays_of(one) != arrays_of(other)

    def test_it_stops_when_the_clock_says_so(self, name, task):
        gone = Deadline(1.0, lambda: 2.0)
        for validation in (None, a_matrix(task, 1)):
            fitted = fit(name, a_matrix(task), validation, deadline=gone)
            assert (fitted.rounds, fitted.rounds_run, fitted.out_of_time) == (1, 1, True)

    def test_only_the_proportions_of_weights_count(self, name, task):
        weight = np.random.default_rng(0).integers(1, 4, 600).astype(float)
        one, other = (
            fit(name, a_matrix(task, weight=weights)) for weights in (weight, weight * 1024)
        )
        assert arrays_of(one) == arrays_of(other)
        assert arrays_of(one) != arrays_of(fit(name, a_matrix(task)))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NO_NETS)
class TestFamily:
    def test_all_published_and_all_drawn_settings_train(self, name, task):
        family, train = FAMILIES[name], a_matrix(task, n=80)
        generator = np.random.default_rng(0)
        drawn = [family.sample(generator, 80, 4) for _ in range(4)]
        for params in [*(params for _, params in family.DEFAULTS), *drawn]:
            fitted = fit(name, train, a_matrix(task, 1, n=40), params, rounds=2)
            assert np.isfinite(fitted.margins(train.features)).all()
            assert family.needs_bytes(80, 4, params) > 0

    def test_odd_tables_never_fail(self, name, task):
        for table in odd_tables(task):
            fitted = fit(name, table, rounds=3)
            margins = fitted.margins(table.features)
            assert margins.shape == (len(table), table.classes)
            assert np.isfinite(margins).all()


@pytest.mark.parametrize("name", EVERY)
def test_no_columns_and_columns_that_say_nothing_give_the_average_of_the_target(name):
    for features in (np.zeros((600, 0), np.float32), np.full((600, 1), np.nan, np.float32)):
        names = ("a",) * features.shape[1]
        table = a_matrix("regression", features=features, names=names, directions=(0,) * len(names))
        fitted = fit(name, table, rounds=3)
        np.testing.assert_allclose(fitted.margins(features), table.target.mean(), atol=0.1)


def odd_tables(task):
    whole = a_matrix(task)
    nan = np.full((600, 4), np.nan, np.float32)
    one_column = np.ascontiguousarray(whole.features[:, :1])
    yield whole.take(slice(0, 1))
    yield whole.take(slice(0, 3))
    yield whole.take(whole.target == whole.target[0])
    yield a_matrix(task, features=nan)
    yield a_matrix(task, features=np.where(np.arange(4) == 2, whole.features, nan))
    yield a_matrix(task, features=np.where(whole.features > 0, np.nan, np.float32(5)))
    yield a_matrix(task, features=np.nan_to_num(whole.features) * np.float32(1e-38))
    yield a_matrix(task, features=np.nan_to_num(whole.features) * np.float32(5e37))
    yield a_matrix(task, features=one_column, names=("a",), directions=(0,))
    yield a_matrix(task, features=one_column[:, :0].copy(), names=(), directions=())
    yield a_matrix(task, weight=(np.arange(600) == 5).astype(float))
    yield a_matrix(task, weight=(np.arange(600) < 3).astype(float))
    if task == "multiclass":
        yield whole.take(whole.target != 1)
        yield whole.take(whole.target != 2)
    if task == "regression":
        yield a_matrix(task, target=whole.target * 1e-12)
        yield a_matrix(task, target=whole.target * 1e12)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_margins_follow_the_directions(name, task):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(800, 2)).astype(np.float32)
    value = np.sin(3 * x[:, 0]) + np.sin(3 * x[:, 1]) + 0.3 * x[:, 0]
    target = value.astype(float) if task == "regression" else (value > 0).astype(float)
    matrix = Matrix(x, target, None, ("up", "down"), (1, -1), task)
    params = {**QUICK[name], "learning_rate": 0.1}
    fitted = fit(name, matrix, params=params, rounds=40)
    grid = np.linspace(-3, 3, 200, dtype=np.float32)
    for column, way in ((0, 1), (1, -1)):
        rows = np.zeros((200, 2), np.float32)
        rows[:, column] = grid
        steps = np.diff(fitted.margins(rows)[:, 0]) * way
        assert (steps >= -1e-9).all()


@pytest.mark.parametrize("name", TREES)
def test_a_regression_keeps_to_its_own_scale(name):
    near, far = a_matrix("regression"), a_matrix("regression")
    far = a_matrix("regression", target=near.target * 1000 + 1e7)
    expected = fit(name, near).margins(near.features) * 1000 + 1e7
    np.testing.assert_allclose(fit(name, far).margins(near.features), expected, atol=2)


@pytest.mark.parametrize("name", TREES)
def test_an_absolute_loss_is_not_drawn_by_outliers(name):
    matrix = a_matrix("regression")
    target = matrix.target.copy()
    target[::10] += 1000
    matrix = a_matrix("regression", target=target)
    for wanted, low, high in (("squared", 40, 200), ("absolute", -5, 30)):
        fitted = fit(name, matrix, params={**QUICK[name], "loss": wanted}, rounds=40)
        assert low < np.median(fitted.margins(matrix.features)) < high


@pytest.mark.parametrize("name", TREES)
def test_rounds_are_asked_for_where_nothing_chooses(name):
    with pytest.raises(TrainingError, match="the number of rounds"):
        fit(name, a_matrix("binary"), rounds=None)
