"""Scoring 64 rows by bits equals the plain walk down each tree, bit for bit, on any forest."""

import math

import numpy as np
import pytest

from liverank.errors import BundleError
from liverank.models.forest.bit_parallel import pack_bits, score_bits
from liverank.models.forest.bit_parallel_kernel import TREE_SIZE, TREE_SYMMETRIC
from liverank.models.forest.forest import LEAF, Forest, leaf_arrays, merge
from liverank.models.forest.scorer import ForestScorer
from liverank.models.forest.traversal_kernel import pack_walk, score_walk

POOL = np.array([-np.inf, -1e30, -1.0, -1e-45, -0.0, 0.0, 1e-45, 0.5, 2.0, 3e38], np.float32)


def plain_margins(forest, rows):
    """The definition: walk down each tree, add the leaves in order."""
    totals = []
    for row in rows:
        total = 0.0
        for start in forest.starts[:-1]:
            node = start
            while forest.feature[node] != LEAF:
                value = row[forest.feature[node]]
                goes_left = (
                    forest.nan_left[node] if math.isnan(value) else value <= forest.threshold[node]
                )
                node = start + forest.left[node] + (0 if goes_left else 1)
            total += forest.value[node]
        totals.append(total)
    return np.array(totals)


def a_forest(seed, kinds, n_features=6, thresholds=POOL, ways_of_nan=True):
    """Trees by kind: how many splits of a random tree, or ``-d`` for a symmetric one of depth d."""
    generator = np.random.default_rng(seed)
    parts = {name: [] for name in ("feature", "threshold", "left", "nan_left", "value")}
    starts = [0]
    for kind in kinds:
        splits, levels, place, size = max(kind, 0), {}, 0, 1
        depth = [0]
        while place < size:
            pending = size - place
            if kind < 0:
                split = depth[place] < -kind
            else:
                split = splits > 0 and (pending == 1 or generator.random() < 0.6)
            drawn = (
                int(generator.integers(n_features)),
                float(generator.choice(thresholds)),
                bool(generator.integers(2)) or not ways_of_nan,
            )
            if kind < 0:
                drawn = levels.setdefault(depth[place], drawn)
            parts["feature"].append(drawn[0] if split else LEAF)
            parts["threshold"].append(drawn[1] if split else 0)
            parts["nan_left"].append(split and drawn[2])
            parts["left"].append(size if split else 0)
            parts["value"].append(0 if split else generator.normal())
            if split:
                depth += [depth[place] + 1] * 2
                size += 2
                splits -= 1
            place += 1
        starts.append(starts[-1] + size)
    return Forest(
        n_features,
        starts=np.array(starts, np.int32),
        feature=np.array(parts["feature"], np.int32),
        threshold=np.array(parts["threshold"], np.float32),
        left=np.array(parts["left"], np.int32),
        nan_left=np.array(parts["nan_left"], np.bool_),
        value=np.array(parts["value"], np.float64),
    )


def some_rows(seed, n, n_features=6, values=POOL):
    generator = np.random.default_rng(seed)
    values = np.append(values, [np.nan, np.inf]).astype(np.float32)
    rows = generator.choice(values, (n, n_features))
    with np.errstate(over="ignore", invalid="ignore"):
        nudged = np.nextafter(rows, generator.choice(values, rows.shape))
    return np.where(generator.random(rows.shape) < 0.3, nudged, rows)


FORESTS = {
    "none": [],
    "leaves": [0, 0, 0],
    "stumps": [1] * 9,
    "one": [40],
    "a_group": [5, 12, 1, 30, 7, 0, 2, 9],
    "a_group_and_one": [5, 12, 1, 30, 7, 0, 2, 9, 4],
    "symmetric": [-1, -2, -3, -4, -6, -8] * 3,
    "of_both_kinds": [7, -3, 0, 20, -1, -6, 3, 3, 15, -2, -2, -2, 1],
    "symmetric_groups_between": [5] * 8 + [-3] * 8 + [5] * 3,
    "as_large_as_may_be": [255, -8, 255],
    "too_large": [256, 3],
    "symmetric_too_large": [-9, 3],
}


@pytest.mark.parametrize("kinds", FORESTS.values(), ids=FORESTS)
def test_both_kernels_equal_the_plain_walk_bit_for_bit(kinds):
    for seed in range(3):
        forest = a_forest(seed, kinds)
        arrays = {name: a for name, a in forest.to_arrays().items() if name != "cover"}
        walk, bits = pack_walk(**arrays), pack_bits(**arrays)
        assert (bits is None) == (max(kinds, default=0) > 255 or min(kinds, default=0) < -8)
        for n in (0, 1, 7, 9, 64, 65, 73, 150):
            rows = some_rows(seed + n, n)
            expected = plain_margins(forest, rows)
            np.testing.assert_array_equal(score_walk(walk, rows), expected)
            np.testing.assert_array_equal(forest.margin(rows), expected)
            if bits is not None:
                np.testing.assert_array_equal(score_bits(bits, rows), expected)


@pytest.mark.parametrize("ways_of_nan", [True, False])
@pytest.mark.parametrize("n_cuts", [14, 15, 16, 17, 240, 254, 255, 256, 510, 511, 2000])
def test_features_may_have_any_number_of_thresholds(n_cuts, ways_of_nan):
    thresholds = np.sort(np.random.default_rng(n_cuts).normal(size=n_cuts).astype(np.float32))
    n_trees = n_cuts // 40 + 2
    forest = a_forest(n_cuts, [120] * n_trees, 2, thresholds, ways_of_nan)
    rows = some_rows(1, 200, 2, thresholds)
    np.testing.assert_array_equal(forest.margin(rows), plain_margins(forest, rows))


def test_one_key_for_nan_suffices_where_it_goes_as_zero_does():
    forest = a_forest(0, [30] * 20, 3, np.linspace(-2, 2, 50, dtype=np.float32))
    as_zero = {**forest.to_arrays(), "nan_left": (forest.threshold >= 0) & (forest.feature != LEAF)}
    bits, either = pack_bits(**as_zero), pack_bits(**forest.to_arrays())
    assert bits is not None
    assert either is not None
    assert len(bits.columns) == 3
    assert len(either.columns) == 6
    zero, nan = np.zeros((1, 3), np.float32), np.full((1, 3), np.nan, np.float32)
    assert score_bits(bits, zero) == score_bits(bits, nan)


def test_symmetric_trees_are_found_wherever_their_levels_ask_one_question():
    forest = a_forest(0, [-3, 7, -1, 0])
    bits = pack_bits(**forest.to_arrays())
    assert bits is not None
    assert bits.trees[:, TREE_SYMMETRIC].tolist() == [1, 0, 1, 1]
    assert bits.trees[:, TREE_SIZE].tolist() == [3, 8, 1, 0]


def test_a_row_scores_the_same_whatever_rows_surround_it():
    for kinds in ([60] * 17, [-6] * 17, [60, -6] * 8):
        forest = a_forest(3, kinds)
        rows = some_rows(0, 200)
        together = forest.margin(rows)
        for first, last in ((0, 1), (3, 11), (5, 69), (0, 72), (0, 73), (64, 200)):
            part = np.ascontiguousarray(rows[first:last])
            np.testing.assert_array_equal(forest.margin(part), together[first:last])


def test_rows_wider_than_the_features_in_use_are_read_by_their_columns():
    narrow = a_forest(4, [20, -4, 9])
    columns = np.array([11, 3, 0, 7, 2, 5])
    wide = merge([narrow], [1.0]).on_columns(columns, 13)
    rows = some_rows(2, 100, 13)
    expected = narrow.margin(np.ascontiguousarray(rows[:, columns]))
    np.testing.assert_array_equal(wide.margin(rows), expected)


def test_a_scorer_serves_several_threads():
    from concurrent.futures import ThreadPoolExecutor

    forest, rows = a_forest(5, [30] * 40), some_rows(0, 100)
    expected = plain_margins(forest, rows)
    arrays = forest.to_arrays()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            scorer = ForestScorer(arrays)
            for margins in pool.map(scorer.margins, [rows] * 8):
                np.testing.assert_array_equal(margins, expected)


def test_nodes_with_two_parents_or_none_are_refused():
    three = {
        "starts": np.array([0, 5], np.int32),
        "feature": np.array([0, 0, LEAF, LEAF, LEAF], np.int32),
        "threshold": np.zeros(5, np.float32),
        "left": np.array([3, 3, 0, 0, 0], np.int32),
        "nan_left": np.zeros(5, np.bool_),
        "value": np.ones(5),
    }
    with pytest.raises(BundleError, match="two parents"):
        Forest.from_arrays(three, 1)
    lone = {**leaf_arrays(1.0), "starts": np.array([0, 3], np.int32)}
    lone |= {name: np.repeat(lone[name], 3) for name in lone if name != "starts"}
    with pytest.raises(BundleError, match="is not a root"):
        Forest.from_arrays(lone, 1)
