"""Scores are their plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.scores import LEAST, auc, auc_pr, score

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({positive for _, positive in pairs}) == 2
)


def plain_auc(pairs: list[tuple[int, bool]]) -> float:
    above = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high, positive in pairs
        if positive
        for low, other in pairs
        if not other
    ]
    return sum(above) / len(above)


def plain_average_precision(pairs: list[tuple[int, bool]]) -> float:
    total, recall = 0.0, 0.0
    positives = sum(positive for _, positive in pairs)
    for threshold in sorted({value for value, _ in pairs}, reverse=True):
        called = [positive for value, positive in pairs if value >= threshold]
        total += (sum(called) / positives - recall) * sum(called) / len(called)
        recall = sum(called) / positives
    return total


@given(PAIRS)
def test_auc_counts_pairs(pairs: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([v for v, _ in pairs], float), np.array([p for _, p in pairs])

    assert auc(scores, positive) == pytest.approx(plain_auc(pairs))


@given(PAIRS)
def test_average_precision_adds_a_step_a_threshold(pairs: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([v for v, _ in pairs], float), np.array([p for _, p in pairs])

    assert auc_pr(scores, positive) == pytest.approx(plain_average_precision(pairs))


def test_log_loss_is_the_mean_of_minus_the_log_of_what_came() -> None:
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])

    figures = score(answers, np.array([0.0, 1.0]))

    assert figures["log_loss"] == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2)
    assert figures["accuracy"] == 0.5


def test_one_rash_answer_costs_no_more_than_the_least_probability() -> None:
    figures = score(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0.0, 1.0]))

    assert figures["log_loss"] == pytest.approx(-np.log(LEAST) / 2, rel=1e-4)


def test_values_are_scored_by_their_squares() -> None:
    figures = score(np.array([1.0, 5.0]), np.array([2.0, 2.0 + 4.0]))

    assert figures == pytest.approx({"rmse": 1.0, "mae": 1.0, "r2": 1 - 2 / 8})


def test_answers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="2 answers for 2 rows, 1 of their numbers not finite"):
        score(np.array([1.0, np.nan]), np.zeros(2))
