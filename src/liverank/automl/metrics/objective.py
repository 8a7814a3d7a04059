"""The objective of a search: one metric of margins, a target and weights.

Margins are float64[n, k] in the form of ``liverank.automl.data.matrix``, except that those of a
regression are values in the target's own scale. Invariant: an objective defines which way is
better.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.automl.metrics.figures import METRICS, metrics_of
from liverank.errors import TrainingError

Floats = NDArray[np.float64]
Weight = NDArray[np.float64] | None

DEFAULTS: dict[Task, str] = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}
"""The objective where the user names none."""


@dataclass(frozen=True)
class Objective:
    """A metric and which way is better; ``at`` is the share that some metrics hold fixed.

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
        """The metric; NaN where the rows do not define it, such as the AUC of one class."""
        if len(target) == 0:
            return math.nan
        even = np.ones(len(target)) if weight is None else weight
        return METRICS[self.key].compute[self.task](margins, target, even, self.at or 0.0)

    def loss(self, margins: Floats, target: Floats, weight: Weight = None) -> float:
        """The metric with its sign such that less is better; infinite where it is not defined."""
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
        """Whether the metric is the mean of ``row_losses``, or rises and falls with it."""
        return self.name in ("log_loss", "rmse")


def find_objective(text: str | None, task: Task) -> Objective:
    """The objective with a name, or the default one of a task for None.

    Raises TrainingError for a name that is unknown or of another task.

    >>> find_objective(None, "regression").name
    'rmse'
    >>> find_objective("precision_at_recall=.9", "binary").at
    0.9
    """
    name = text or DEFAULTS[task]
    key, _, share = name.partition("=")
    metrics = metrics_of(task)
    metric = metrics.get(key)
    allowed = ", ".join(f"{name}=.9" if m.holds else name for name, m in metrics.items())
    if metric is None:
        raise TrainingError(f"objective `{name}` does not fit a {task} target; give {allowed}")
    if not metric.holds:
        if share:
            raise TrainingError(f"objective `{name}` holds nothing fixed; give `{key}`")
        return Objective(key, task, metric.larger_is_better)
    at = float(share) if re.fullmatch(r"\d*\.?\d+", share) else math.nan
    if not 0 < at <= 1:
        raise TrainingError(f"objective `{name}` needs a share above 0 and up to 1: `{key}=.9`")
    return Objective(f"{key}={at:g}", task, metric.larger_is_better, at)


def searchable(objective: Objective, target: Floats) -> Objective:
    """The objective, or the default one where a target that never changes cannot define it.

    ``target`` is that of the validation rows, float64[n].

    >>> searchable(find_objective("r2", "regression"), np.zeros(9)).name
    'rmse'
    """
    needs_both = METRICS[objective.key].needs_spread
    if needs_both and len(target) and (target == target[0]).all():
        return find_objective(None, objective.task)
    return objective


def all_figures(
    objective: Objective, margins: Floats, target: Floats, weight: Weight = None
) -> dict[str, float]:
    """The objective and the metrics of its task that every report has, by name.

    >>> objective = find_objective("mae", "regression")
    >>> all_figures(objective, np.array([[1.0], [3.0]]), np.array([1.0, 1.0]))
    {'mae': 1.0, 'rmse': 1.4142135623730951, 'r2': nan}
    """
    usual = (name for name, metric in metrics_of(objective.task).items() if metric.reported)
    names = dict.fromkeys((objective.name, *usual))
    return {
        name: find_objective(name, objective.task).value(margins, target, weight) for name in names
    }
