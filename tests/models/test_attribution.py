"""Attributions are Shapley values: by their definition, by LightGBM, and by their sum."""

from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import BundleError, ServingError
from liverank.models.attribution.tree_shap import attribute_linear, leaf_paths
from liverank.models.forest.forest import LEAF, Forest, leaf_arrays
from liverank.models.importers.lightgbm import forest_from_lightgbm
from liverank.models.linear.model import Linear


def a_tree(generator, f, splits):
    """Random splits of random leaves; cover is whatever, as long as children make their parent."""
    left, feature, cover = [0], [LEAF], [float(generator.integers(1, 100))]
    children = {}
    for _ in range(splits):
        place = int(generator.choice([i for i in range(len(left)) if i not in children]))
        children[place] = len(left)
        part = cover[place] * generator.choice([0.0, 0.25, 0.5, generator.random()])
        feature[place] = int(generator.integers(f))
        left += [0, 0]
        feature += [LEAF, LEAF]
        cover += [part, cover[place] - part]
        left[place] = children[place]
    n = len(left)
    return {
        "feature": np.array(feature, np.int32),
        "threshold": generator.integers(-2, 3, n).astype(np.float32),
        "left": np.array(left, np.int32),
        "nan_left": generator.random(n) < 0.5,
        "value": generator.normal(size=n),
        "cover": np.array(cover, np.float32),
    }


def a_forest(seed, f=4, splits=(0, 1, 5, 9)):
    generator = np.random.default_rng(seed)
    trees = [a_tree(generator, f, n) for n in splits]
    sizes = [len(tree["left"]) for tree in trees]
    arrays = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    return Forest(f, np.cumsum([0, *sizes]).astype(np.int32), **arrays)


def expectation(forest, root, node, row, known):
    """What the tree gives on average where only some features are known."""
    at = root + node
    if forest.feature[at] == LEAF:
        return forest.value[at]
    child = forest.left[at]
    below = [expectation(forest, root, child + i, row, known) for i in (0, 1)]
    if forest.feature[at] in known:
        x = row[forest.feature[at]]
        goes_left = forest.nan_left[at] if np.isnan(x) else x <= forest.threshold[at]
        return below[0] if goes_left else below[1]
    cover = forest.cover[root + child : root + child + 2].astype(np.float64)
    shares = cover / cover.sum() if cover.sum() else np.array([0.5, 0.5])
    return float(shares @ below)


def plain_shapley(forest, row):
    """Every set of features, every tree: the definition."""
    f = forest.n_features

    def worth(known):
        return sum(expectation(forest, root, 0, row, known) for root in forest.starts[:-1])

    effects = np.zeros(f)
    for i in range(f):
        others = [j for j in range(f) if j != i]
        for size in range(f):
            weight = factorial(size) * factorial(f - size - 1) / factorial(f)
            for some in combinations(others, size):
                effects[i] += weight * (worth({*some, i}) - worth(set(some)))
    return effects, worth(set())


values = st.sampled_from([-np.inf, -2, -1, -0.5, 0, 1, 2, 3, np.inf, np.nan])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.lists(values, min_size=4, max_size=4))
def test_small_forests_agree_with_the_definition(seed, values_of_row):
    forest = a_forest(seed)
    row = np.array(values_of_row, np.float32)
    effects, base = plain_shapley(forest, row)
    parts = leaf_paths(forest).attribute(row[None])
    np.testing.assert_allclose(parts.effects[0], effects, atol=1e-9)
    assert parts.base == pytest.approx(base)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70))
def test_parts_and_base_add_up_to_the_margin_of_deep_trees(seed, n):
    forest = a_forest(seed, f=25, splits=(60, 90))
    rows = np.random.default_rng(seed).integers(-3, 4, (n, 25)).astype(np.float32)
    rows[rows == 3] = np.nan
    parts = leaf_paths(forest).attribute(rows)
    np.testing.assert_allclose(parts.effects.sum(axis=1) + parts.base, forest.margin(rows))


@pytest.mark.parametrize("params", [{}, {"extra_trees": True, "num_leaves": 127}])
def test_lightgbm_attributes_the_same(params):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 12)).astype(np.float32)
    x[generator.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 0] * x[:, 1]) + x[:, 2:6].sum(axis=1, where=x[:, 2:6] > 0)
    booster = lightgbm.train(
        {"verbosity": -1, "num_leaves": 63, "min_data_in_leaf": 5, "num_threads": 1, **params},
        lightgbm.Dataset(x, y),
        40,
    )
    theirs = booster.predict(x[:300], pred_contrib=True)
    ours = leaf_paths(forest_from_lightgbm(booster.model_to_string())).attribute(x[:300])
    np.testing.assert_allclose(ours.effects, theirs[:, :-1], atol=1e-6)
    np.testing.assert_allclose(ours.base, theirs[0, -1], atol=1e-6)


def test_a_row_has_the_same_parts_alone_and_together():
    paths = leaf_paths(a_forest(3))
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    together = paths.attribute(rows).effects
    for i in range(40):
        np.testing.assert_array_equal(paths.attribute(rows[i : i + 1]).effects[0], together[i])


def test_a_linear_models_parts_are_its_terms():
    generator = np.random.default_rng(1)
    linear = Linear(
        low=np.full(4, -1.5),
        high=np.full(4, 1.5),
        logarithmic=np.array([True, False, True, False]),
        mean=generator.normal(size=4),
        weight=generator.normal(size=4),
        missing_weight=generator.normal(size=4),
        intercept=np.array([0.3]),
    )
    rows = generator.normal(size=(20, 4)).astype(np.float32)
    rows[generator.random(rows.shape) < 0.2] = np.nan
    parts = attribute_linear(linear, rows)

    np.testing.assert_allclose(parts.effects.sum(axis=1) + parts.base, linear.margin(rows))
    for column in range(4):
        without = rows.copy()
        effects = attribute_linear(linear, rows).effects
        without[:, column] = np.nan
        lost = linear.margin(rows) - linear.margin(without)
        np.testing.assert_allclose(
            lost, effects[:, column] - linear.missing_weight[column], atol=1e-9
        )


def test_a_forest_of_leaves_alone_attributes_nothing():
    forest = Forest.from_arrays({**leaf_arrays(3.0), "cover": np.ones(1, np.float32)}, n_features=2)
    parts = leaf_paths(forest).attribute(np.zeros((2, 2), np.float32))
    assert parts.base == 3.0
    assert parts.effects.tolist() == [[0, 0], [0, 0]]


def test_without_cover_or_with_other_rows_it_says_why_not():
    with pytest.raises(BundleError, match="has no `cover`"):
        leaf_paths(Forest.from_arrays(leaf_arrays(3.0), n_features=2))
    with pytest.raises(ServingError, match=r"expected float32\[n, 4\]"):
        leaf_paths(a_forest(0)).attribute(np.zeros((2, 3), np.float32))
