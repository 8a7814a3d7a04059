"""The metrics equal their plain, slow definitions."""

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.metrics import (
    auc,
    hit_rate_at,
    list_auc,
    log_loss,
    mean_over_lists,
    ndcg_at,
    ranks_in_lists,
    reciprocal_rank,
    true_ndcg_at,
)
from liverank.errors import DatasetError


@st.composite
def lists(draw):
    """Scores full of ties, labels, and offsets of a few lists (some empty)."""
    sizes = draw(st.lists(st.integers(0, 8), min_size=1, max_size=6))
    n = sum(sizes)
    scores = draw(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 2.0]), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return (
        np.array(scores, np.float64),
        np.array(labels, np.uint8),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def plain_auc(scores, labels):
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, ya in zip(scores, labels, strict=True)
        for b, yb in zip(scores, labels, strict=True)
        if ya == 1 and yb == 0
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


def pieces(*arrays, offsets):
    for start, end in itertools.pairwise(offsets):
        yield tuple(array[start:end] for array in arrays)


@given(lists())
def test_list_auc_counts_pairs(case):
    scores, labels, offsets = case
    expected = [plain_auc(s, y) for s, y in pieces(scores, labels, offsets=offsets)]
    np.testing.assert_allclose(list_auc(scores, labels, offsets), expected)
    np.testing.assert_allclose(auc(scores, labels), plain_auc(scores, labels))


@given(lists(), st.integers(0, 3))
def test_ranks_are_a_permutation_that_follows_the_scores(case, seed):
    scores, _, offsets = case
    ranks = ranks_in_lists(scores, offsets, seed=seed)
    for s, r in pieces(scores, ranks, offsets=offsets):
        assert sorted(r) == list(range(1, len(s) + 1))
        assert (np.diff(s[np.argsort(r)]) <= 0).all()


@given(lists(), st.integers(1, 9), st.integers(0, 3))
def test_rank_metrics_equal_their_definitions_on_the_ranks(case, k, seed):
    scores, labels, offsets = case
    ranks = ranks_in_lists(scores, offsets, seed=seed)
    ndcg, rr, hit = [], [], []
    for y, r in pieces(labels, ranks, offsets=offsets):
        wins = sorted(int(rank) for rank, label in zip(r, y, strict=True) if label)
        if not wins:
            ndcg.append(math.nan)
            rr.append(math.nan)
            hit.append(math.nan)
            continue
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wins)) + 1))
        ndcg.append(sum(1 / math.log2(rank + 1) for rank in wins if rank <= k) / ideal)
        rr.append(1 / wins[0])
        hit.append(float(wins[0] <= k))
    np.testing.assert_allclose(ndcg_at(k, scores, labels, offsets, seed=seed), ndcg)
    np.testing.assert_allclose(reciprocal_rank(scores, labels, offsets, seed=seed), rr)
    np.testing.assert_allclose(hit_rate_at(k, scores, labels, offsets, seed=seed), hit)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.floats(0, 1)),
        min_size=1,
        max_size=9,
        unique_by=lambda pair: pair[0],
    ),
    st.integers(1, 10),
)
def test_ndcg_by_the_truth_equals_its_definition(pairs, k):
    scores, gains = (np.array(column, np.float64) for column in zip(*pairs, strict=True))

    def gained(order):
        return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(order[:k]))

    found = true_ndcg_at(k, scores, gains, np.array([0, len(pairs)]))

    best = gained(sorted(gains, reverse=True))
    expected = (
        gained([gain for _, gain in sorted(pairs, reverse=True)]) / best if best else math.nan
    )
    assert found == pytest.approx([expected], nan_ok=True)


def test_a_constant_score_is_worth_no_more_than_chance():
    generator = np.random.default_rng(1)
    labels = np.tile(np.array([1, 0, 0, 0, 0], np.uint8), 20_000)  # the success always stands first
    offsets = np.arange(0, 100_001, 5)
    constant = ndcg_at(5, np.zeros(100_000), labels, offsets)
    random = ndcg_at(5, generator.random(100_000), labels, offsets)
    assert mean_over_lists(constant) == pytest.approx(mean_over_lists(random), abs=0.01)
    assert mean_over_lists(list_auc(np.zeros(100_000), labels, offsets)) == 0.5
    first = reciprocal_rank(np.zeros(100_000), labels, offsets, seed=1)
    assert not np.array_equal(first, reciprocal_rank(np.zeros(100_000), labels, offsets, seed=2))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=30))
def test_log_loss_is_the_mean_of_the_logarithms(pairs):
    expected = -sum(
        math.log(min(max(p, 1e-15), 1 - 1e-15)) if y else math.log1p(-min(max(p, 1e-15), 1 - 1e-15))
        for p, y in pairs
    ) / len(pairs)
    p, y = zip(*pairs, strict=True)
    assert log_loss(np.array(p), np.array(y, np.uint8)) == pytest.approx(expected, rel=1e-9)


def test_the_bootstrap_covers_the_true_difference_when_users_differ():
    generator = np.random.default_rng(3)
    covered = 0
    for trial in range(100):
        users = np.repeat(np.arange(40), 10)
        taste = generator.normal(0.1, 1, 40)[users]  # lists of one user are alike
        difference = taste + generator.normal(0, 0.1, 400)
        low, high = bootstrap_difference(difference, np.zeros(400), users, draws=200, seed=trial)
        covered += low <= 0.1 <= high
    assert covered >= 85  # drawing lists, not users, would cover about 45


def test_the_bootstrap_leaves_out_lists_that_say_nothing():
    a = np.array([1.0, np.nan, 3.0])
    b = np.array([0.0, 5.0, np.nan])
    assert bootstrap_difference(a, b, np.array([1, 2, 3])) == (1.0, 1.0)
    assert all(map(math.isnan, bootstrap_difference(a[1:2], b[1:2], np.array([2]))))
    assert math.isnan(mean_over_lists(np.array([np.nan])))


@pytest.mark.parametrize(
    ("scores", "labels", "offsets", "message"),
    [
        ([0.1], [1, 0], [0, 2], "one score a label"),
        ([0.1, math.nan], [1, 0], [0, 2], "row 1 is NaN"),
        ([0.1, 0.2], [1, 0], [0, 1], "rise from 0 to the number of rows"),
        ([0.1, 0.2], [1, 0], [0, 3, 2], "rise from 0 to the number of rows"),
    ],
)
def test_wrong_input_is_refused(scores, labels, offsets, message):
    with pytest.raises(DatasetError, match=message):
        list_auc(np.array(scores), np.array(labels, np.uint8), np.array(offsets))


def test_five_million_rows_take_seconds():
    generator = np.random.default_rng(5)
    scores = generator.random(5_000_000)
    labels = (generator.random(5_000_000) < 0.05).astype(np.uint8)
    offsets = np.arange(0, 5_000_001, 50)
    list_auc(scores[:50], labels[:50], offsets[:2])  # compile
    ndcg_at(10, scores[:50], labels[:50], offsets[:2])
    began = time.perf_counter()
    auc(scores, labels)
    list_auc(scores, labels, offsets)
    ndcg_at(10, scores, labels, offsets)
    assert time.perf_counter() - began < 10  # about 2 s on a quiet core
