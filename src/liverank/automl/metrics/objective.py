"""What a search is to be good at: one figure of margins, a target and weights.

Margins are float64[n, k] as ``liverank.automl.data.matrix`` has them, except that a regression
gives values in the target's own scale. Invariant: an objective says which way is better, and no
figure depends on the order of tied rows.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.errors import TrainingError

Floats = NDArray[np.float64]
Weight = NDArray[np.float64] | None

DEFAULTS: dict[Task, str] = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}
REPORTED: dict[Task, tuple[str, ...]] = {
    "binary": ("log_loss", "auc", "auc_pr", "accuracy"),
    "multiclass": ("log_loss", "auc", "accuracy"),
    "regression": ("rmse", "mae", "r2"),
}
"""Figures that a report gives beside the objective."""


@dataclass(frozen=True)
class Objective:
    """A figure and which way is better; ``at`` is the share that some of them hold fixed.

    >>> objective = find_objective("auc", "binary")
    >>> objective.value(np.array([[0.1], [0.9], [0.9]]), np.array([0.0, 1.0, 0.0]))
    0.75
    >>> objective.loss(np.array([[0.1], [0.9], [0.9]]), np.array([0.0, 1.0, 0.0]))
    -0.75
    """

    name: str
    task: Task
    larger_is_better: bool
    at: float | None = None

    def value(self, margins: Floats, target: Floats, weight: Weight = None) -> float:
        """The figure; NaN where the rows do not tell it, such as an AUC of one class."""
        if len(target) == 0:
            return math.nan
        even = np.ones(len(target)) if weight is None else weight
        return _FIGURES[self.task][self.key].compute(margins, target, even, self.at)

    def loss(self, margins: Floats, target: Floats, weight: Weight = None) -> float:
        """The figure turned so that less is better; infinite where it is not told."""
        value = self.value(margins, target, weight)
        if math.isnan(value):
            return math.inf
        return -value if self.larger_is_better else value

    @property
    def key(self) -> str:
        """The name without the share that is held fixed."""
        return self.name.partition("=")[0]

    @property
    def is_training_loss(self) -> bool:
        """Whether the mean of ``row_losses`` is this figure, or rises and falls with it."""
        return self.name in ("log_loss", "rmse")


def find_objective(text: str | None, task: Task) -> Objective:
    """The objective of a name, or the usual one of a task for None.

    Raises TrainingError for a name that is unknown or of another task.

    >>> find_objective(None, "regression").name
    'rmse'
    >>> find_objective("precision_at_recall=.9", "binary").at
    0.9
    """
    name = text or DEFAULTS[task]
    key, _, share = name.partition("=")
    figure = _FIGURES[task].get(key)
    allowed = ", ".join(f"{key}=.9" if f.holds else key for key, f in _FIGURES[task].items())
    if figure is None:
        raise TrainingError(f"objective `{name}` does not fit a {task} target; give {allowed}")
    if not figure.holds:
        if share:
            raise TrainingError(f"objective `{name}` holds nothing fixed; give `{key}`")
        return Objective(key, task, figure.larger_is_better)
    at = float(share) if re.fullmatch(r"\d*\.?\d+", share) else math.nan
    if not 0 < at <= 1:
        raise TrainingError(f"objective `{name}` needs a share above 0 and up to 1: `{key}=.9`")
    return Objective(f"{key}={at:g}", task, figure.larger_is_better, at)


def all_figures(
    objective: Objective, margins: Floats, target: Floats, weight: Weight = None
) -> dict[str, float]:
    """The objective and the usual figures of its task, by name.

    >>> objective = find_objective("mae", "regression")
    >>> all_figures(objective, np.array([[1.0], [3.0]]), np.array([1.0, 1.0]))
    {'mae': 1.0, 'rmse': 1.4142135623730951, 'r2': nan}
    """
    names = dict.fromkeys((objective.name, *REPORTED[objective.task]))
    return {
        name: find_objective(name, objective.task).value(margins, target, weight) for name in names
    }


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


def mean_loss(margins: Floats, target: Floats, weight: Weight, task: Task) -> float:
    """Weighted mean of ``row_losses``; NaN for no rows."""
    if len(target) == 0:
        return math.nan
    return float(np.average(row_losses(margins, target, task), weights=weight))


def softmax(margins: Floats) -> Floats:
    """Shares of the classes, float64[n, k], from logits.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def ranking_curve(scores: Floats, target: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weight of true and of false positives when all rows from a score on are called positive.

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
    true, false = ranking_curve(scores, target, weight)
    if true[-1] == 0 or false[-1] == 0:
        return math.nan
    area = (np.diff(false) * (true[1:] + true[:-1])).sum() / 2
    return float(area / (true[-1] * false[-1]))


def _average_precision(scores: Floats, target: Floats, weight: Floats) -> float:
    true, false = ranking_curve(scores, target, weight)
    if true[-1] == 0:
        return math.nan
    called = np.maximum(true[1:] + false[1:], 1e-300)
    return float((np.diff(true) * true[1:] / called).sum() / true[-1])


def _precision_at_recall(
    margins: Floats, target: Floats, weight: Floats, at: float | None
) -> float:
    true, false = (part[1:] for part in ranking_curve(margins[:, 0], target, weight))
    if true[-1] == 0:
        return math.nan
    enough = true >= (at or 0.0) * true[-1] * (1 - 1e-12)
    return float((true[enough] / (true + false)[enough]).max())


def _recall_at_precision(
    margins: Floats, target: Floats, weight: Floats, at: float | None
) -> float:
    true, false = (part[1:] for part in ranking_curve(margins[:, 0], target, weight))
    if true[-1] == 0:
        return math.nan
    enough = true >= (at or 0.0) * (true + false) * (1 - 1e-12)
    return float(true[enough].max(initial=0.0) / true[-1])


def _accuracy(margins: Floats, target: Floats, weight: Floats) -> float:
    called = margins[:, 0] > 0 if margins.shape[1] == 1 else margins.argmax(axis=1)
    return float(np.average(called == target, weights=weight))


def _auc_of_classes(margins: Floats, target: Floats, weight: Floats) -> float:
    """Mean over classes of one against the others, on shares; classes that are absent are out."""
    shares = softmax(margins)
    each = [_auc(shares[:, k], (target == k) * 1.0, weight) for k in range(margins.shape[1])]
    told = [value for value in each if not math.isnan(value)]
    return float(np.mean(told)) if told else math.nan


def _log_loss(task: Task) -> "_Compute":
    def compute(margins: Floats, target: Floats, weight: Floats, at: float | None) -> float:
        del at
        return mean_loss(margins, target, weight, task)

    return compute


def _error(
    of_row: Callable[[Floats, Floats], Floats], finish: Callable[[float], float]
) -> "_Compute":
    def compute(values: Floats, target: Floats, weight: Floats, at: float | None) -> float:
        del at
        return finish(float(np.average(of_row(values[:, 0], target), weights=weight)))

    return compute


def _squared_log(values: Floats, target: Floats) -> Floats:
    if (target < 0).any():
        raise TrainingError("rmsle needs a target of at least 0; choose rmse or mae")
    return np.asarray((np.log1p(np.maximum(values, 0)) - np.log1p(target)) ** 2)


def _r2(values: Floats, target: Floats, weight: Floats, at: float | None) -> float:
    del at
    spread = np.average((target - np.average(target, weights=weight)) ** 2, weights=weight)
    error = np.average((values[:, 0] - target) ** 2, weights=weight)
    return float(1 - error / spread) if spread > 0 else math.nan


_Compute = Callable[[Floats, Floats, Floats, float | None], float]


@dataclass(frozen=True)
class _Figure:
    compute: _Compute
    larger_is_better: bool
    holds: bool = False


def _of_first(figure: Callable[[Floats, Floats, Floats], float]) -> _Compute:
    return lambda margins, target, weight, _: figure(margins[:, 0], target, weight)


def _of_all(figure: Callable[[Floats, Floats, Floats], float]) -> _Compute:
    return lambda margins, target, weight, _: figure(margins, target, weight)


_FIGURES: dict[Task, dict[str, _Figure]] = {
    "binary": {
        "log_loss": _Figure(_log_loss("binary"), False),
        "auc": _Figure(_of_first(_auc), True),
        "auc_pr": _Figure(_of_first(_average_precision), True),
        "precision_at_recall": _Figure(_precision_at_recall, True, holds=True),
        "recall_at_precision": _Figure(_recall_at_precision, True, holds=True),
        "accuracy": _Figure(_of_all(_accuracy), True),
    },
    "multiclass": {
        "log_loss": _Figure(_log_loss("multiclass"), False),
        "auc": _Figure(_of_all(_auc_of_classes), True),
        "accuracy": _Figure(_of_all(_accuracy), True),
    },
    "regression": {
        "rmse": _Figure(_error(lambda v, y: (v - y) ** 2, math.sqrt), False),
        "mae": _Figure(_error(lambda v, y: np.abs(v - y), float), False),
        "rmsle": _Figure(_error(_squared_log, math.sqrt), False),
        "r2": _Figure(_r2, True),
    },
}
