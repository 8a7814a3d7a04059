"""Intervals cover the truth also where they hang on a few rows, or none is given."""

import numpy as np
import pytest
from scipy.stats import norm

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.bootstrap import figure_intervals
from liverank.automl.metrics.evidence import Evidence
from liverank.automl.metrics.intervals import auc_interval
from liverank.automl.metrics.objective import find_objective

FOREVER = Deadline(1.0, lambda: 0.0)
OBJECTIVE = find_objective(None, "binary")


def drawn(generator, n, share, strength):
    """Rows and the true log-odds of each: normal scores that differ by ``strength``."""
    target = (generator.random(n) < share) * 1.0
    score = generator.normal(size=n) + strength * target
    margins = np.log(share / (1 - share)) + strength * score - strength**2 / 2
    return margins[:, None], EvalRows(target, None, None, OBJECTIVE, "sigmoid")


def intervals_of(margins, rows, seed=0):
    return figure_intervals(margins, rows, seed=seed, deadline=FOREVER)


@pytest.mark.parametrize(("positives", "strength"), [(2, 3.0), (5, 1.5), (20, 1.5)])
def test_intervals_cover_the_truth_with_few_positives(positives, strength):
    generator = np.random.default_rng(0)
    margins, rows = drawn(generator, 200_000, positives / 200, strength)
    truth = rows.figures(margins)
    covered = {name: [] for name in truth}
    for seed in range(40):
        found = intervals_of(*drawn(generator, 200, positives / 200, strength), seed)
        for name, (low, high) in found.items():
            covered[name].append(low <= truth[name] <= high)
    for name, hits in covered.items():
        assert len(hits) >= 20, name
        assert np.mean(hits) >= 0.85, name  # 95 % of 40, less three standard deviations


@pytest.mark.parametrize("positives", [1, 2, 5, 20])
@pytest.mark.parametrize("area", [0.6, 0.9, 0.98])
def test_the_formula_of_an_auc_covers_it_from_one_positive_on(positives, area):
    generator = np.random.default_rng(1)
    shift = norm.ppf(area) * 2**0.5  # normal scores of this AUC
    negative = generator.normal(size=(500, 1, 100))
    positive = generator.normal(shift, size=(500, positives, 1))
    seen = (positive > negative).mean(axis=(1, 2))
    ends = np.array([auc_interval(one, positives, 100) for one in seen])
    assert ((ends[:, 0] <= area) & (area <= ends[:, 1])).mean() > 0.92


def test_one_positive_row_tells_next_to_nothing():
    target = np.zeros(2000)
    target[7] = 1
    margins = np.random.default_rng(0).normal(size=(2000, 1))
    margins[7] = 9.0
    found = intervals_of(margins, EvalRows(target, None, None, OBJECTIVE, "sigmoid"))
    assert set(found) == {"auc", "accuracy"}
    low, high = found["auc"]
    assert low < 0.5
    assert high == 1


def test_rows_of_one_class_tell_no_loss():
    rows = EvalRows(np.zeros(50), None, None, OBJECTIVE, "sigmoid")
    assert set(intervals_of(np.full((50, 1), -3.0), rows)) == {"accuracy"}


def test_positive_rows_of_one_group_or_without_weight_count_once():
    target = np.repeat([1.0, 0.0], [10, 90])
    groups = np.concatenate([np.zeros(10), np.arange(1, 91)]).astype(np.int64)
    margins = np.random.default_rng(0).normal(size=(100, 1))
    grouped = Evidence.of(margins, EvalRows(target, None, groups, OBJECTIVE, "sigmoid"))
    assert grouped.classes == {0: 90, 1: 1}
    weight = np.where(np.arange(100) < 9, 0.0, 1.0)
    weighed = Evidence.of(margins, EvalRows(target, weight, None, OBJECTIVE, "sigmoid"))
    assert weighed.classes == pytest.approx({0: 90, 1: 1})


def test_few_rows_have_wider_intervals_than_the_normal_says():
    generator = np.random.default_rng(0)
    objective = find_objective(None, "regression")
    covered = []
    for seed in range(150):
        rows = EvalRows(generator.normal(size=6), None, None, objective, "identity")
        low, high = intervals_of(np.zeros((6, 1)), rows, seed)["mae"]
        covered.append(low <= (2 / np.pi) ** 0.5 <= high)
    assert np.mean(covered) > 0.88  # +- 1.96 deviations cover 80 %


def test_an_error_that_hangs_on_one_row_has_no_interval():
    target = np.append(np.zeros(300), 1e6)
    objective = find_objective(None, "regression")
    rows = EvalRows(target, None, None, objective, "identity")
    assert "rmse" not in intervals_of(np.zeros((301, 1)), rows)
