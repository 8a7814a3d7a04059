"""Intervals of figures are as wide as theory says, and wider where rows are alike."""

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.bootstrap import figure_intervals
from liverank.automl.metrics.objective import find_objective

FOREVER = Deadline(1.0, lambda: 0.0)


def coins(n, seed=0, groups=None, weight=None):
    """Rows that are called right in 80 % of cases, and their margins."""
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, n) * 1.0
    right = generator.random(n) < 0.8
    margins = np.where(right, 2 * target - 1, 1 - 2 * target) + generator.normal(size=n) / 9
    objective = find_objective(None, "binary")
    return margins[:, None], EvalRows(target, weight, groups, objective, "sigmoid")


def width(interval):
    return interval[1] - interval[0]


def test_an_accuracy_is_as_sure_as_the_binomial_says():
    margins, held = coins(2500)
    found = figure_intervals(margins, held, seed=1, deadline=FOREVER)
    assert list(found) == ["log_loss", "auc", "auc_pr", "accuracy"]
    share = held.figures(margins)["accuracy"]
    expected = 2 * 1.96 * (share * (1 - share) / 2500) ** 0.5
    assert abs(width(found["accuracy"]) / expected - 1) < 0.2
    assert all(low < held.figures(margins)[name] < high for name, (low, high) in found.items())


def test_rows_of_a_group_count_once():
    margins, held = coins(500)
    thrice = np.repeat(margins, 9, axis=0)
    target = np.repeat(held.target, 9)
    groups = np.repeat(np.arange(500), 9)
    alike = EvalRows(target, None, groups, held.objective, held.link)
    apart = EvalRows(target, None, None, held.objective, held.link)
    once, same, narrow = (
        figure_intervals(m, h, seed=2, deadline=FOREVER)["log_loss"]
        for m, h in ((margins, held), (thrice, alike), (thrice, apart))
    )
    assert abs(width(same) / width(once) - 1) < 0.2
    assert abs(width(narrow) * 3 / width(once) - 1) < 0.2


def test_rows_of_no_weight_do_not_count():
    weight = (np.arange(600) < 300) * 2.0
    margins, held = coins(600, weight=weight)
    some = EvalRows(held.target[:300], None, None, held.objective, held.link)
    heavy = figure_intervals(margins, held, seed=3, deadline=FOREVER)["accuracy"]
    alone = figure_intervals(margins[:300], some, seed=3, deadline=FOREVER)["accuracy"]
    assert abs(width(heavy) / width(alone) - 1) < 0.3


def test_without_time_or_rows_nothing_is_said():
    margins, held = coins(30)
    over = Deadline(0.0, lambda: 1.0)
    assert figure_intervals(margins, held, seed=0, deadline=over) == {}
    one = held.take(np.array([0]))
    assert figure_intervals(margins[:1], one, seed=0, deadline=FOREVER) == {}
