"""The metrics of tables and rankings: how each is computed, named, explained and bounded.

A metric is one entry of ``METRICS``; the objectives, the report, the intervals and the command line
follow from it. Margins are float64[n, k] in the form of ``liverank.automl.data.matrix``, except
that those of a regression are values in the target's own scale. Invariant: no metric depends on the
order of tied rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from liverank.automl.data.matrix import Task
from liverank.dataset.metrics import auc
from liverank.errors import TrainingError

Floats = NDArray[np.float64]
Compute = Callable[[Floats, Floats, Floats, float], float]
"""Margins float64[n, k], target and weight float64[n], and the share that is held fixed."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of predictions.

    title             its name in tables and charts
    meaning           one line that explains it
    compute           a function for each task that it applies to; NaN where rows do not define it
    larger_is_better  which way is better
    holds             whether it holds a share fixed, such as ``precision_at_recall=.9``
    reported          whether every report has it, not only where it is the objective
    needs_spread      whether it says nothing of rows with one class, or one value
    bounds            the range to which its intervals are clipped
    written_as        how the report writes it
    """

    title: str
    meaning: str
    compute: Mapping[Task, Compute]
    larger_is_better: bool
    holds: bool = False
    reported: bool = True
    needs_spread: bool = False
    bounds: tuple[float, float] = (0.0, math.inf)
    written_as: Literal["number", "decimals", "percent"] = "number"


def metrics_of(task: Task) -> dict[str, Metric]:
    """The metrics of a task by name.

    >>> list(metrics_of("regression"))
    ['rmse', 'mae', 'rmsle', 'r2']
    """
    return {name: metric for name, metric in METRICS.items() if task in metric.compute}


def row_losses(margins: Floats, target: Floats, task: Task) -> Floats:
    """Log-loss, or squared error, of each row: float64[n].

    >>> row_losses(np.array([[0.0, 0.0]]), np.array([1.0]), "multiclass").round(4).tolist()
    [0.6931]
    """
    if task == "regression":
        return np.asarray((margins[:, 0] - target) ** 2)
    if task == "binary":
        return np.logaddexp(0.0, margins[:, 0]) - target * margins[:, 0]
    top = margins.max(axis=1)
    spread = np.log(np.exp(margins - top[:, None]).sum(axis=1)) + top
    return np.asarray(spread - margins[np.arange(len(target)), target.astype(np.int64)])


def mean_loss(margins: Floats, target: Floats, weight: Floats | None, task: Task) -> float:
    """Weighted mean of ``row_losses``; NaN for no rows."""
    if len(target) == 0:
        return math.nan
    return float(np.average(row_losses(margins, target, task), weights=weight))


def ranking_curve(scores: Floats, target: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weights of true and false positives if rows at or above each score are predicted positive.

    One entry a distinct score, from the highest down; 0 and 0 come first.

    >>> scores, target = np.array([0.9, 0.9, 0.1]), np.array([1.0, 0.0, 1.0])
    >>> [part.tolist() for part in ranking_curve(scores, target, np.ones(3))]
    [[0.0, 1.0, 2.0], [0.0, 1.0, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order]) != 0), len(order) - 1)
    positive = np.cumsum((weight * target)[order])[last]
    negative = np.cumsum((weight * (1 - target))[order])[last]
    return np.append(0.0, positive), np.append(0.0, negative)


def _auc(scores: Floats, target: Floats, weight: Floats) -> float:
    if (weight == weight[0]).all():
        return auc(np.ascontiguousarray(scores), target.astype(np.uint8))
    true, false = ranking_curve(scores, target, weight)
    if true[-1] == 0 or false[-1] == 0:
        return math.nan
    area = (np.diff(false) * (true[1:] + true[:-1])).sum() / 2
    return float(area / (true[-1] * false[-1]))


def _auc_of_scores(margins: Floats, target: Floats, weight: Floats, _: float) -> float:
    return _auc(margins[:, 0], target, weight)


def _auc_of_classes(margins: Floats, target: Floats, weight: Floats, _: float) -> float:
    """Mean one-versus-rest AUC over classes; classes without rows are left out."""
    shares = softmax(margins, axis=1)
    each = [_auc(shares[:, k], (target == k) * 1.0, weight) for k in range(margins.shape[1])]
    known = [value for value in each if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _average_precision(margins: Floats, target: Floats, weight: Floats, _: float) -> float:
    true, false = ranking_curve(margins[:, 0], target, weight)
    if true[-1] == 0:
        return math.nan
    called = np.maximum(true[1:] + false[1:], 1e-300)
    return float((np.diff(true) * true[1:] / called).sum() / true[-1])


def _precision_at_recall(margins: Floats, target: Floats, weight: Floats, recall: float) -> float:
    true, false = (part[1:] for part in ranking_curve(margins[:, 0], target, weight))
    if true[-1] == 0:
        return math.nan
    enough = true >= recall * true[-1] * (1 - 1e-12)
    return float((true[enough] / (true + false)[enough]).max())


def _recall_at_precision(
    margins: Floats, target: Floats, weight: Floats, precision: float
) -> float:
    true, false = (part[1:] for part in ranking_curve(margins[:, 0], target, weight))
    if true[-1] == 0:
        return math.nan
    enough = true >= precision * (true + false) * (1 - 1e-12)
    return float(true[enough].max(initial=0.0) / true[-1])


def _accuracy(margins: Floats, target: Floats, weight: Floats, _: float) -> float:
    called = margins[:, 0] > 0 if margins.shape[1] == 1 else margins.argmax(axis=1)
    return float(np.average(called == target, weights=weight))


def _log_loss(task: Task, margins: Floats, target: Floats, weight: Floats, _: float) -> float:
    return mean_loss(margins, target, weight, task)


def _rmse(values: Floats, target: Floats, weight: Floats, _: float) -> float:
    return math.sqrt(float(np.average((values[:, 0] - target) ** 2, weights=weight)))


def _mae(values: Floats, target: Floats, weight: Floats, _: float) -> float:
    return float(np.average(np.abs(values[:, 0] - target), weights=weight))


def _rmsle(values: Floats, target: Floats, weight: Floats, _: float) -> float:
    if (target < 0).any():
        raise TrainingError("rmsle needs a target of at least 0; choose rmse or mae")
    errors = np.log1p(np.maximum(values[:, 0], 0)) - np.log1p(target)
    return math.sqrt(float(np.average(errors**2, weights=weight)))


def _r2(values: Floats, target: Floats, weight: Floats, _: float) -> float:
    spread = np.average((target - np.average(target, weights=weight)) ** 2, weights=weight)
    error = np.average((values[:, 0] - target) ** 2, weights=weight)
    return float(1 - error / spread) if spread > 0 else math.nan


_SHARE = (0.0, 1.0)

METRICS: dict[str, Metric] = {
    "log_loss": Metric(
        title="Log-loss",
        meaning="mean negative log-probability of the outcome; lower is better",
        compute={
            "binary": partial(_log_loss, "binary"),
            "multiclass": partial(_log_loss, "multiclass"),
        },
        larger_is_better=False,
    ),
    "auc": Metric(
        title="AUC",
        meaning="how often a random positive row scores above a random negative one; 0.5 is chance",
        compute={"binary": _auc_of_scores, "multiclass": _auc_of_classes},
        larger_is_better=True,
        needs_spread=True,
        bounds=_SHARE,
        written_as="decimals",
    ),
    "auc_pr": Metric(
        title="Average precision",
        meaning="area under the precision-recall curve; higher is better",
        compute={"binary": _average_precision},
        larger_is_better=True,
        needs_spread=True,
        bounds=_SHARE,
        written_as="decimals",
    ),
    "precision_at_recall": Metric(
        title="Precision",
        meaning="share of positives among the rows called positive; higher is better",
        compute={"binary": _precision_at_recall},
        larger_is_better=True,
        needs_spread=True,
        holds=True,
        reported=False,
        bounds=_SHARE,
    ),
    "recall_at_precision": Metric(
        title="Recall",
        meaning="share of the positives that are called positive; higher is better",
        compute={"binary": _recall_at_precision},
        larger_is_better=True,
        needs_spread=True,
        holds=True,
        reported=False,
        bounds=_SHARE,
    ),
    "accuracy": Metric(
        title="Accuracy",
        meaning="share of rows whose most likely class is the observed one",
        compute={"binary": _accuracy, "multiclass": _accuracy},
        larger_is_better=True,
        bounds=_SHARE,
        written_as="percent",
    ),
    "rmse": Metric(
        title="RMSE",
        meaning="root of the mean squared error; lower is better",
        compute={"regression": _rmse},
        larger_is_better=False,
    ),
    "mae": Metric(
        title="MAE",
        meaning="mean absolute error; lower is better",
        compute={"regression": _mae},
        larger_is_better=False,
    ),
    "rmsle": Metric(
        title="RMSLE",
        meaning="root of the mean squared error of log(1 + value); lower is better",
        compute={"regression": _rmsle},
        larger_is_better=False,
        reported=False,
    ),
    "r2": Metric(
        title="R²",
        meaning="share of the variance that is explained; 1 is perfect",
        compute={"regression": _r2},
        larger_is_better=True,
        needs_spread=True,
        bounds=(-math.inf, math.inf),
        written_as="decimals",
    ),
}
"""Every metric by name, in the order in which reports give them."""
