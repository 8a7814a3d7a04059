"""Forests read from a library's own model give that library's own raw predictions."""

import json

import lightgbm
import numpy as np
import pytest

from liverank.errors import TrainingError
from liverank.models.forest.forest import LEAF, Forest, merge
from liverank.models.importers.catboost import forests_from_catboost
from liverank.models.importers.lightgbm import forest_from_lightgbm, forests_from_lightgbm
from liverank.models.importers.xgboost import forests_from_xgboost

TASKS = ("binary", "multiclass", "regression")


def a_table(seed=0, n=2500, f=6):
    """Normal values with NaN in all columns but one, coarse ones, and exact zeros of both signs."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, f)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1])
    x[:, 2] = np.where(generator.random(n) < 0.6, generator.choice([0.0, -0.0], n), x[:, 2])
    holes = generator.random((n, f)) < 0.15
    holes[:, 3] = False
    x[holes] = np.nan
    signal = np.nan_to_num(x[:, 0]) + np.isnan(x[:, 5]) + (x[:, 2] == 0) * x[:, 3]
    value = signal + generator.normal(size=n) * 0.3
    return x, value


def target_of(task, value):
    if task == "regression":
        return value * 3 + 7
    return (value > 0.3).astype(int) + (task == "multiclass") * (value > 1.0).astype(int)


def awkward_rows(forests, seed=1):
    """Other rows, and rows made of the forests' own thresholds and the floats beside them."""
    generator = np.random.default_rng(seed)
    plain = a_table(seed)[0]
    plain[:300][generator.random((300, plain.shape[1])) < 0.5] = np.nan
    thresholds = np.concatenate([each.threshold[each.feature != LEAF] for each in forests])
    if len(thresholds) == 0:
        return plain
    rows = generator.choice(thresholds, (2000, plain.shape[1]))
    nudge = generator.integers(3, size=rows.shape)
    with np.errstate(over="ignore"):
        rows = np.where(nudge == 1, np.nextafter(rows, np.float32(np.inf)), rows)
        rows = np.where(nudge == 2, np.nextafter(rows, np.float32(-np.inf)), rows)
    rows[~np.isfinite(rows)] = 0
    return np.concatenate([plain, rows])


def margins(forests, rows):
    return np.column_stack([forest.margin(rows) for forest in forests])


def check_covers(forests):
    for forest in forests:
        base = np.repeat(forest.starts[:-1], np.diff(forest.starts))
        inner = forest.feature != LEAF
        left = (base + forest.left)[inner]
        below = forest.cover[left].astype(float) + forest.cover[left + 1]
        np.testing.assert_allclose(below, forest.cover[inner], rtol=1e-4)


@pytest.mark.parametrize("task", TASKS)
def test_lightgbm(task):
    x, value = a_table()
    objective = {"objective": task, "verbosity": -1, "num_threads": 1}
    classes = {"num_class": 3} if task == "multiclass" else {}
    data = lightgbm.Dataset(x, target_of(task, value))
    booster = lightgbm.train(objective | classes, data, 30)
    forests = forests_from_lightgbm(booster.model_to_string())
    rows = awkward_rows(forests)
    expected = booster.predict(rows, raw_score=True).reshape(len(rows), -1)
    np.testing.assert_allclose(margins(forests, rows), expected, rtol=1e-12, atol=1e-12)
    check_covers(forests)


XGBOOST_SHAPES = {
    "levels": {"max_depth": 6, "subsample": 0.65, "colsample_bylevel": 0.9, "lambda": 0},
    "leaves": {"grow_policy": "lossguide", "max_leaves": 40, "max_depth": 0},
    "pruned": {"gamma": 3.0, "max_depth": 8},
    "exact": {"tree_method": "exact", "max_depth": 4},
    "several": {"num_parallel_tree": 3, "subsample": 0.5},
    "stumps_of_nothing": {"min_child_weight": 1e9},
}


@pytest.mark.parametrize("shape", XGBOOST_SHAPES)
@pytest.mark.parametrize("task", TASKS)
def test_xgboost(task, shape):
    xgboost = pytest.importorskip("xgboost")
    x, value = a_table()
    objective = {
        "binary": {"objective": "binary:logistic"},
        "multiclass": {"objective": "multi:softprob", "num_class": 3},
        "regression": {"objective": "reg:squarederror"},
    }[task]
    data = xgboost.DMatrix(x, target_of(task, value), nthread=1)
    parameters = {"nthread": 1, "verbosity": 0, **objective, **XGBOOST_SHAPES[shape]}
    booster = xgboost.train(parameters, data, 20)
    forests = forests_from_xgboost(booster.save_raw("json"))
    rows = awkward_rows(forests)
    expected = booster.predict(xgboost.DMatrix(rows), output_margin=True).reshape(len(rows), -1)
    # XGBoost adds in float32.
    np.testing.assert_allclose(margins(forests, rows), expected, rtol=1e-6, atol=2e-6)
    leaves = booster.predict(xgboost.DMatrix(rows), pred_leaf=True, strict_shape=True)
    check_leaves(booster, forests, rows, leaves.reshape(len(rows), -1))
    if shape != "stumps_of_nothing":
        check_covers(forests)


def check_leaves(booster, forests, rows, leaves):
    """The very leaves that XGBoost reaches, added in float64."""
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    total = np.zeros((len(rows), len(forests)))
    for column, (tree, which) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
        values = np.array(tree["split_conditions"], np.float32)
        total[:, which] += values[leaves[:, column].astype(int)]
    ours = margins(forests, rows) - np.array([forest.value[0] for forest in forests])
    np.testing.assert_allclose(ours, total, rtol=1e-12, atol=1e-12)


CATBOOST_SHAPES = {
    "plain": {"depth": 6},
    "issue": {"depth": 7, "l2_leaf_reg": 1e-5, "subsample": 0.9, "bootstrap_type": "Bernoulli"},
    "flat": {"depth": 1},
    "nan_above": {"depth": 5, "nan_mode": "Max"},
    "nothing": {"depth": 4, "learning_rate": 1e-4},
}


@pytest.mark.parametrize("shape", CATBOOST_SHAPES)
@pytest.mark.parametrize("task", TASKS)
def test_catboost(task, shape, tmp_path):
    catboost = pytest.importorskip("catboost")
    x, value = a_table()
    loss = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}[task]
    model = catboost.CatBoost(
        {
            "loss_function": loss,
            "iterations": 25,
            "thread_count": 1,
            "logging_level": "Silent",
            "allow_writing_files": False,
            **CATBOOST_SHAPES[shape],
        }
    )
    model.fit(x, target_of(task, value))
    model.save_model(str(tmp_path / "model.json"), format="json")
    forests = forests_from_catboost((tmp_path / "model.json").read_text())
    rows = awkward_rows(forests)
    # A column that was never NaN in training may not be NaN for CatBoost.
    rows[np.isnan(rows[:, 3]), 3] = 0
    expected = np.asarray(model.predict(rows, prediction_type="RawFormulaVal"))
    np.testing.assert_allclose(
        margins(forests, rows), expected.reshape(len(rows), -1), rtol=1e-12, atol=1e-12
    )
    check_covers(forests)


def test_what_a_forest_cannot_hold_of_xgboost_is_refused():
    xgboost = pytest.importorskip("xgboost")
    x, value = a_table()

    def text(**parameters):
        data = xgboost.DMatrix(x, abs(value))
        return xgboost.train({"nthread": 1, "verbosity": 0, **parameters}, data, 2).save_raw("json")

    for parameters in ({"booster": "dart"}, {"objective": "count:poisson"}):
        with pytest.raises(TrainingError, match="XGBoost model"):
            forests_from_xgboost(text(**parameters))


def test_what_a_forest_cannot_hold_of_catboost_is_refused(tmp_path):
    catboost = pytest.importorskip("catboost")
    x, value = a_table()
    model = catboost.CatBoost(
        {"iterations": 2, "grow_policy": "Lossguide", "allow_writing_files": False}
    )
    model.fit(x, value, logging_level="Silent")
    model.save_model(str(tmp_path / "model.json"), format="json")
    with pytest.raises(TrainingError, match="not symmetric"):
        forests_from_catboost((tmp_path / "model.json").read_text())


def test_covers_survive_merging_saving_and_loading():
    x, value = a_table()
    booster = lightgbm.train(
        {"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(x, value), num_boost_round=3
    )
    forest = forest_from_lightgbm(booster.model_to_string())
    bare = Forest.from_arrays(
        {name: array for name, array in forest.to_arrays().items() if name != "cover"}, 6
    )
    both = merge([forest, forest], [0.5, 0.5])
    np.testing.assert_array_equal(both.cover, np.concatenate([forest.cover] * 2))
    assert merge([forest, bare], [0.5, 0.5]).cover is None
    for one in (forest, bare):
        again = Forest.from_arrays(one.to_arrays(), 6)
        np.testing.assert_array_equal(again.cover, one.cover)
