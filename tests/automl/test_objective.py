"""Every objective equals its plain definition, with weights and without."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.metrics.figures import METRICS, mean_loss, row_losses
from liverank.automl.metrics.objective import all_figures, find_objective
from liverank.dataset import metrics
from liverank.errors import TrainingError

rows = st.lists(
    st.tuples(st.integers(-4, 4), st.integers(0, 1), st.integers(1, 3)), min_size=1, max_size=25
).map(lambda some: tuple(np.array(part, float) for part in zip(*some, strict=True)))


EVERY = [
    (f"{name}=.5" if metric.holds else name, task)
    for name, metric in METRICS.items()
    for task in metric.compute
]
"""Every metric with each task that it applies to: a new one is tested too."""


def value(name, margins, target, weight=None, task="binary"):
    margins = margins if margins.ndim == 2 else margins[:, None]
    return find_objective(name, task).value(margins, target, weight)


def called_positive(margins, target, weight):
    """Precision and recall of each threshold, by counting."""
    for threshold in np.unique(margins):
        called = margins >= threshold
        hits = weight[called & (target == 1)].sum()
        yield hits / weight[called].sum(), hits / weight[target == 1].sum()


@given(rows)
def test_auc_is_the_share_of_pairs_in_order(case):
    margins, target, weight = case
    pairs = [
        (weight[i] * weight[j], float(np.sign(margins[i] - margins[j])) / 2 + 0.5)
        for i, j in itertools.product(range(len(target)), repeat=2)
        if target[i] == 1 and target[j] == 0
    ]
    got = value("auc", margins, target, weight)
    if not pairs:
        assert math.isnan(got)
        return
    total = sum(share for share, _ in pairs)
    assert got == pytest.approx(sum(share * order for share, order in pairs) / total)
    labels = target.astype(np.uint8)
    assert value("auc", margins, target) == pytest.approx(metrics.auc(margins, labels))


@given(rows)
def test_average_precision_adds_up_precision_where_recall_grows(case):
    margins, target, weight = case
    if target.sum() == 0:
        assert math.isnan(value("auc_pr", margins, target, weight))
        return
    area, recall_before = 0.0, 0.0
    for precision, recall in reversed(list(called_positive(margins, target, weight))):
        area += precision * (recall - recall_before)
        recall_before = recall
    assert value("auc_pr", margins, target, weight) == pytest.approx(area)


@given(rows, st.sampled_from([0.3, 0.5, 0.9, 1.0]))
def test_precision_and_recall_are_the_best_that_some_threshold_gives(case, at):
    margins, target, weight = case
    if target.sum() == 0:
        return
    curve = list(called_positive(margins, target, weight))
    precise = max(p for p, r in curve if r >= at - 1e-12)
    complete = max((r for p, r in curve if p >= at - 1e-12), default=0.0)
    assert value(f"precision_at_recall={at}", margins, target, weight) == pytest.approx(precise)
    assert value(f"recall_at_precision={at}", margins, target, weight) == pytest.approx(complete)


@given(rows, st.sampled_from(EVERY))
def test_a_weight_is_as_many_rows_and_the_order_of_rows_does_not_matter(case, of):
    (margins, target, weight), (name, task) = case, of
    if task == "multiclass":
        margins = np.column_stack([margins, -margins, np.zeros(len(margins))])
    expected = value(name, margins, target, weight, task=task)
    times = weight.astype(int)
    repeated = np.repeat(margins, times, axis=0), np.repeat(target, times)
    np.testing.assert_allclose(expected, value(name, *repeated, task=task), atol=1e-12)
    turned = (part[::-1] for part in (margins, target, weight))
    np.testing.assert_allclose(expected, value(name, *turned, task=task), atol=1e-12)


@given(rows)
def test_log_loss_is_that_of_probabilities(case):
    margins, target, _ = case
    expected = metrics.log_loss(1 / (1 + np.exp(-margins)), target.astype(np.uint8))
    assert value("log_loss", margins, target) == pytest.approx(expected)
    two = np.column_stack([np.zeros(len(margins)), margins])
    assert value("log_loss", two, target, task="multiclass") == pytest.approx(expected)
    assert mean_loss(two, target, None, "multiclass") == pytest.approx(expected)


def test_figures_of_several_classes_are_the_published_ones():
    # Log-loss of scikit-learn's guide: a two-class case, .1738.
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.01, 0.99]])
    target = np.array([0.0, 0.0, 1.0, 1.0])
    got = value("log_loss", np.log(shares), target, task="multiclass")
    assert got == pytest.approx(0.1738, abs=1e-4)
    assert value("accuracy", np.log(shares), target, task="multiclass") == 1.0
    assert value("auc", np.log(shares), target, task="multiclass") == 1.0


def test_published_examples_of_ranking_figures():
    # Of scikit-learn's guide: scores .1 .4 .35 .8 of classes 0 0 1 1.
    scores, target = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert value("auc", scores, target) == 0.75
    assert value("auc_pr", scores, target) == pytest.approx(0.8333, abs=1e-4)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 50), st.integers(1, 4)), min_size=1),
)
def test_errors_of_a_regression_are_their_definitions(some):
    values, target, weight = (np.array(part, float) for part in zip(*some, strict=True))
    total = weight.sum()
    rmse = math.sqrt(
        sum(w * (v - y) ** 2 for v, y, w in zip(values, target, weight, strict=True)) / total
    )
    mae = sum(w * abs(v - y) for v, y, w in zip(values, target, weight, strict=True)) / total
    logs = [math.log1p(max(v, 0)) - math.log1p(y) for v, y in zip(values, target, strict=True)]
    rmsle = math.sqrt(sum(w * d * d for d, w in zip(logs, weight, strict=True)) / total)
    for name, expected in (("rmse", rmse), ("mae", mae), ("rmsle", rmsle)):
        got = value(name, values, target, weight, task="regression")
        assert got == pytest.approx(expected, abs=1e-12)


def test_losses_are_better_when_lower_whatever_the_figure():
    target = np.array([0.0, 1.0, 0.0, 1.0])
    good, bad = (np.array([[-1.0], [1.0], [-0.5], [0.4]]) * sign for sign in (1, -1))
    for name in ("log_loss", "auc", "auc_pr", "accuracy", "recall_at_precision=.6"):
        objective = find_objective(name, "binary")
        assert objective.loss(good, target) < objective.loss(bad, target)
    assert find_objective("auc", "binary").loss(good[:1], target[:1]) == math.inf


def test_row_losses_stay_finite_far_out():
    target = np.array([1.0])
    assert row_losses(np.array([[-900.0]]), target, "binary").tolist() == [900.0]
    assert row_losses(np.array([[900.0, 0.0]]), target, "multiclass").tolist() == [900.0]


@pytest.mark.parametrize(
    ("name", "task", "says"),
    [
        ("rmse", "binary", "does not fit a binary target; give log_loss, auc"),
        ("auc", "regression", "give rmse, mae, rmsle"),
        ("precision_at_recall", "binary", "needs a share"),
        ("recall_at_precision=2", "binary", "needs a share"),
        ("auc=.9", "binary", "holds nothing fixed"),
    ],
)
def test_an_unknown_objective_says_what_is_allowed(name, task, says):
    with pytest.raises(TrainingError, match=says):
        find_objective(name, task)


def test_rmsle_refuses_a_target_below_zero():
    with pytest.raises(TrainingError, match="at least 0"):
        value("rmsle", np.zeros(1), np.array([-1.0]), task="regression")


def test_a_report_holds_the_objective_first():
    figures = all_figures(
        find_objective("auc_pr", "binary"), np.zeros((2, 1)), np.array([0.0, 1.0])
    )
    assert list(figures) == ["auc_pr", "log_loss", "auc", "accuracy"]


def test_every_metric_has_a_title_a_meaning_and_values_within_its_bounds():
    generator = np.random.default_rng(0)
    target = {
        "binary": (np.arange(60) % 3 == 0) * 1.0,
        "multiclass": np.arange(60) % 3 * 1.0,
        "regression": np.arange(60) / 7,
    }
    margins = {
        task: generator.normal(size=(60, 3 if task == "multiclass" else 1)) for task in target
    }
    for name, metric in METRICS.items():
        assert metric.title
        assert metric.meaning
        for task in metric.compute:
            objective = find_objective(f"{name}=.5" if metric.holds else name, task)
            value = objective.value(margins[task], target[task])
            assert metric.bounds[0] <= value <= metric.bounds[1], name
            assert objective.larger_is_better == metric.larger_is_better
