"""A Forest scores as LightGBM does, and as the plain walk down its trees that defines it."""

import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import BundleError, ServingError, TrainingError
from liverank.models.forest.forest import LEAF, Forest, leaf_arrays, merge
from liverank.models.importers.lightgbm import forest_from_lightgbm, round_down


def plain_margin(forest, row):
    """The definition: walk down each tree, add the leaves in order."""
    total = 0.0
    for start in forest.starts[:-1]:
        place = 0
        while forest.feature[start + place] != LEAF:
            node = start + place
            value = row[forest.feature[node]]
            goes_left = (
                forest.nan_left[node] if math.isnan(value) else value <= forest.threshold[node]
            )
            place = forest.left[node] + (0 if goes_left else 1)
        total += forest.value[start + place]
    return total


VALUES = [-math.inf, -1.5, -1e-40, -0.0, 0.0, 1e-45, 0.25, 1.0, 3e38, math.inf]


@st.composite
def forests(draw, n_features=3):
    """Random small trees over awkward thresholds."""
    parts = {name: [] for name in ("feature", "threshold", "left", "nan_left", "value")}
    starts = [0]
    for _ in range(draw(st.integers(0, 4))):
        n_splits = draw(st.integers(0, 6))
        splits, size, place = n_splits, 1, 0
        while place < size:
            # A pending node must split when it is the last one and splits remain.
            split = splits > 0 and (place == size - 1 or draw(st.booleans()))
            parts["feature"].append(draw(st.integers(0, n_features - 1)) if split else LEAF)
            parts["threshold"].append(draw(st.sampled_from(VALUES[:-1])) if split else 0)
            parts["left"].append(size if split else 0)
            parts["nan_left"].append(split and draw(st.booleans()))
            parts["value"].append(0.0 if split else draw(st.floats(-1, 1)))
            size += 2 * split
            splits -= split
            place += 1
        starts.append(len(parts["feature"]))
    return Forest(
        n_features=n_features,
        starts=np.array(starts, np.int32),
        feature=np.array(parts["feature"], np.int32),
        threshold=np.array(parts["threshold"], np.float32),
        left=np.array(parts["left"], np.int32),
        nan_left=np.array(parts["nan_left"], np.bool_),
        value=np.array(parts["value"], np.float64),
    )


def rows_strategy(n_features=3):
    row = st.lists(st.sampled_from([*VALUES, math.nan]), min_size=n_features, max_size=n_features)
    return st.lists(row, min_size=0, max_size=19).map(
        lambda rows: np.array(rows, np.float32).reshape(-1, n_features)
    )


@given(forests(), rows_strategy())
def test_the_kernel_equals_the_plain_walk_bit_for_bit(forest, rows):
    expected = [plain_margin(forest, row) for row in rows]
    np.testing.assert_array_equal(forest.margin(rows), np.array(expected, np.float64))


@given(forests(), forests(), rows_strategy(), st.floats(-2, 2))
def test_a_merged_forest_is_the_weighted_sum(one, other, rows, weight):
    merged = merge([one, other], [weight, 1.0])
    expected = one.margin(rows) * weight + other.margin(rows)
    np.testing.assert_allclose(merged.margin(rows), expected, rtol=1e-12, atol=1e-12)


@given(forests(), rows_strategy(n_features=5))
def test_a_forest_reads_the_columns_it_is_given(forest, rows):
    wide = forest.on_columns(np.array([4, 0, 2]), 5)
    narrow = np.ascontiguousarray(rows[:, [4, 0, 2]])
    np.testing.assert_array_equal(wide.margin(rows), forest.margin(narrow))


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.floats(width=32, allow_nan=False))
def test_rounding_a_threshold_down_changes_no_decision(thresholds, x):
    t64 = np.array(thresholds)
    np.testing.assert_array_equal(np.float64(x) <= t64, np.float32(x) <= round_down(t64))


def awkward_table(generator, n=3000, f=8):
    """Normal values, with NaN, infinities, zeros, a coarse column and one that was never NaN."""
    rows = generator.normal(size=(n, f)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])
    rows[:, 2] = np.where(generator.random(n) < 0.7, 0, rows[:, 2])
    holes = generator.random((n, f)) < 0.1
    holes[:, 3] = False
    rows[holes] = np.nan
    rows[generator.random(n) < 0.01, 4] = np.inf
    rows[generator.random(n) < 0.01, 4] = -np.inf
    signal = np.nan_to_num(rows[:, 0]) + np.isnan(rows[:, 5]) + (rows[:, 2] == 0) * rows[:, 3]
    return rows, (signal + generator.normal(size=n) > 0.3).astype(np.uint8)


SHAPES = {
    "plain": {},
    "extra_trees": {"extra_trees": True, "num_leaves": 31},
    "deep": {"num_leaves": 200, "min_data_in_leaf": 1},
    "bagged": {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
    "without_missing": {"use_missing": False},
    "single_leaf_trees": {"min_data_in_leaf": 2500},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_forest_scores_as_lightgbm_does(shape):
    generator = np.random.default_rng(11)
    train, labels = awkward_table(generator)
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1, **SHAPES[shape]},
        lightgbm.Dataset(train, labels),
        num_boost_round=40,
    )
    forest = forest_from_lightgbm(booster.model_to_string())
    rows = np.concatenate([awkward_table(generator)[0], at_thresholds(forest, generator)])
    rows[:200][generator.random((200, 8)) < 0.5] = np.nan  # also where training saw none
    expected = booster.predict(rows, raw_score=True)
    np.testing.assert_allclose(forest.margin(rows), expected, rtol=1e-12, atol=1e-13)


def at_thresholds(forest, generator, n=2000):
    """Rows made of the forest's own thresholds, and of the floats just above and below."""
    thresholds = forest.threshold[forest.feature != LEAF]
    if len(thresholds) == 0:
        return np.zeros((1, forest.n_features), np.float32)
    rows = generator.choice(thresholds, (n, forest.n_features))
    nudge = generator.integers(3, size=rows.shape)
    with np.errstate(over="ignore"):  # past the largest float lies infinity
        rows = np.where(nudge == 1, np.nextafter(rows, np.float32(np.inf)), rows)
        return np.where(nudge == 2, np.nextafter(rows, np.float32(-np.inf)), rows)


def test_a_row_scores_the_same_in_any_batch():
    generator = np.random.default_rng(5)
    train, labels = awkward_table(generator)
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(train, labels), 50)
    forest = forest_from_lightgbm(booster.model_to_string())
    together = forest.margin(train[:55])
    for n in (1, 7, 8, 9):
        np.testing.assert_array_equal(forest.margin(train[:n]), together[:n])
    np.testing.assert_array_equal(forest.margin(train[:55][::-1].copy()), together[::-1])
    assert forest.margin(train[:0]).shape == (0,)


def test_what_a_forest_cannot_hold_is_refused():
    generator = np.random.default_rng(2)
    rows = np.column_stack([generator.integers(0, 5, 500), generator.normal(size=500)])
    labels = (rows[:, 0] % 2 + rows[:, 1] > 0.5).astype(np.uint8)

    def train(**parameters):
        categories = parameters.pop("categorical_feature", "auto")
        data = lightgbm.Dataset(rows, labels, categorical_feature=categories)
        parameters = {"objective": "binary", "verbosity": -1, **parameters}
        return lightgbm.train(parameters, data, 5).model_to_string()

    for text in (
        train(categorical_feature=[0]),
        train(linear_tree=True),
        train(zero_as_missing=True),
        train(boosting="rf", bagging_freq=1, bagging_fraction=0.5),
        train(objective="multiclass", num_class=2),
    ):
        with pytest.raises(TrainingError, match="LightGBM model"):
            forest_from_lightgbm(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature": np.array([7], np.int32)}, "before its parent"),
        ({"starts": np.array([0, 2], np.int32)}, "must rise from 0"),
        ({"starts": np.array([], np.int32)}, "must rise from 0"),
        ({"value": np.array([np.nan])}, "not finite"),
        ({"value": np.zeros(2)}, "holds 2 nodes"),
        ({"threshold": np.zeros(1)}, "not a flat array of float32"),
        ({"feature": np.array([-2], np.int32)}, "before its parent"),
    ],
)
def test_arrays_that_make_no_forest_are_refused(change, message):
    with pytest.raises(BundleError, match=message):
        Forest.from_arrays({**leaf_arrays(1.0), **change}, n_features=2)


def test_rows_of_another_width_or_type_are_refused():
    forest = Forest.from_arrays(leaf_arrays(1.0), n_features=2)
    for rows in (
        np.zeros((4, 3), np.float32),
        np.zeros((4, 2)),
        np.zeros(2, np.float32),
        np.zeros((2, 4), np.float32).T,
    ):
        with pytest.raises(ServingError, match=r"expected float32\[n, 2\]"):
            forest.margin(rows)


def test_forests_of_different_widths_do_not_merge():
    one, other = (Forest.from_arrays(leaf_arrays(1.0), n_features=f) for f in (1, 2))
    for forests_, weights in (([one, other], [1, 1]), ([one], [1, 2]), ([], [])):
        with pytest.raises(TrainingError, match="one weight each"):
            merge(forests_, weights)
