"""Blocks of rows keep apart what must be apart, whatever the times, groups and gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.data.splits import (
    forward_folds,
    random_folds,
    split_at_random,
    split_by_column,
    split_by_time,
)
from liverank.errors import TrainingError

HOUR_MS = 3_600_000.0


@st.composite
def timed_rows(draw):
    n = draw(st.integers(6, 80))
    seed, moments = draw(st.integers(0, 9999)), draw(st.integers(3, 40))
    generator = np.random.default_rng(seed)
    at_ms = generator.integers(0, moments, n) * HOUR_MS
    at_ms[: n // 10] = np.nan
    groups = generator.integers(0, draw(st.integers(3, 60)), n) if draw(st.booleans()) else None
    return at_ms, groups, draw(st.sampled_from([0.0, HOUR_MS, 5 * HOUR_MS]))


@given(timed_rows(), st.sampled_from([0.1, 0.2, 0.5]))
def test_a_split_by_time_never_lets_the_future_in(rows, validation):
    at_ms, groups, gap_ms = rows
    try:
        split = split_by_time(at_ms, groups=groups, gap_ms=gap_ms, validation=validation)
    except TrainingError:
        return
    blocks = (split.train, split.validation, split.holdout)
    for older, newer in ((split.train, split.validation), (split.validation, split.holdout)):
        assert at_ms[older].max() + gap_ms < at_ms[newer].min()
    every = np.concatenate(blocks)
    assert len(np.unique(every)) == len(every) == len(at_ms) - split.left_out
    assert not np.isnan(at_ms[every]).any()
    assert all((np.diff(at_ms[block]) >= 0).all() for block in blocks)
    if groups is not None:
        named = [set(groups[block]) for block in blocks]
        assert not named[0] & named[1]
        assert not named[1] & named[2]
        assert not named[0] & named[2]
    if groups is None and gap_ms == 0:
        assert split.left_out == np.isnan(at_ms).sum()


@given(timed_rows(), st.integers(1, 6))
def test_forward_folds_only_measure_on_what_comes_after(rows, n_folds):
    at_ms, groups, gap_ms = rows
    folds = forward_folds(at_ms, n_folds, groups=groups, gap_ms=gap_ms)
    assert len(folds) <= n_folds
    for fold in folds:
        assert at_ms[fold.train].max() + gap_ms < at_ms[fold.validation].min()
        if groups is not None:
            assert not set(groups[fold.train]) & set(groups[fold.validation])
    measured = np.concatenate([fold.validation for fold in folds]) if folds else np.array([])
    assert len(np.unique(measured)) == len(measured)


def test_forward_folds_over_even_times_are_as_long_as_each_other():
    folds = forward_folds(np.arange(100.0), 5)
    assert [len(fold.validation) for fold in folds] == [10] * 5
    assert [len(fold.train) for fold in folds] == [50, 60, 70, 80, 90]


@given(st.integers(10, 300), st.integers(0, 99), st.integers(2, 4))
def test_a_random_split_is_stratified_and_whole(n, seed, n_classes):
    target = np.random.default_rng(seed).integers(0, n_classes, n).astype(np.float64)
    split = split_at_random(target, seed=seed)
    every = np.concatenate([split.train, split.validation, split.holdout])
    assert sorted(every) == list(range(n))
    assert abs(len(split.holdout) - n / 10) <= 1
    for cls in range(n_classes):
        assert abs((target[split.holdout] == cls).sum() - (target == cls).sum() / 10) <= 1


@given(st.integers(20, 300), st.integers(0, 99), st.integers(10, 40))
def test_groups_never_straddle_a_random_split_nor_folds(n, seed, n_groups):
    generator = np.random.default_rng(seed)
    groups, target = generator.integers(0, n_groups, n), generator.normal(size=n)
    folds = [
        (fold.train, fold.validation) for fold in random_folds(target, 3, seed=seed, groups=groups)
    ]
    try:
        split = split_at_random(target, seed=seed, groups=groups)
        folds += [
            (split.train, split.validation),
            (split.validation, split.holdout),
            (split.train, split.holdout),
        ]
    except TrainingError:
        assert len(np.unique(groups)) < 3
    for one, other in folds:
        assert not set(groups[one]) & set(groups[other])


def test_a_few_large_groups_are_dealt_one_each_to_choose_and_to_judge():
    groups = np.repeat(np.arange(5), 20)
    split = split_at_random(np.zeros(100), seed=0, groups=groups)
    assert (len(split.train), len(split.validation), len(split.holdout)) == (60, 20, 20)


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    target = np.random.default_rng(0).normal(size=1000)
    one, again, other = (split_at_random(target, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.holdout, again.holdout)
    assert set(one.holdout) != set(other.holdout)
    spread = [target[block].mean() for block in (one.train, one.validation, one.holdout)]
    assert np.ptp(spread) < 0.06  # unstratified, it would be about 0.2


def test_a_manual_split_is_taken_as_it_is():
    split = split_by_column(np.array([0, 1, 2, 0, -1, 2], np.int8))
    assert [block.tolist() for block in (split.train, split.validation, split.holdout)] == [
        [0, 3],
        [1],
        [2, 5],
    ]
    assert (split.kind, split.left_out) == ("manual", 1)


def test_what_cannot_be_split_says_why():
    with pytest.raises(TrainingError, match="2 distinct times"):
        split_by_time(np.array([1.0, 1, 2, 2]))
    with pytest.raises(TrainingError, match="shorter gap"):
        split_by_time(np.arange(10.0), gap_ms=50)
    with pytest.raises(TrainingError, match="too few to split"):
        split_at_random(np.zeros(2), seed=0)
    with pytest.raises(TrainingError, match="TRAIN, VALIDATE or TEST"):
        split_by_column(np.zeros(5, np.int8))
    with pytest.raises(TrainingError, match="above 0 and up to"):
        split_at_random(np.zeros(30), seed=0, validation=0.9)
