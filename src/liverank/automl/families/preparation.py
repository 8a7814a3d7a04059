"""Preparation shared by all families: scaled weights and targets, and constant tables.

With weights of mean 1, and regression targets of mean 0 and deviation 1, penalties and minimum
weights have the same effect on every table; leaf values are converted back to the target's own
scale afterwards.
"""

import importlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.errors import TrainingError
from liverank.models.forest.forest import Forest, leaf_arrays


class Scaled(NamedTuple):
    """A scaled target, float64[n]; value x scale + shift is in the target's own scale."""

    target: NDArray[np.float64]
    scale: float
    shift: float


def library(package: str) -> Any:
    """Import a package. Raises TrainingError when it is not installed.

    >>> library("no_such_package")
    Traceback (most recent call last):
    liverank.errors.TrainingError: no_such_package is not installed; ...
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise TrainingError(
            f"{package} is not installed; run `pip install 'liverank[automl]'` or leave it out"
        ) from error


def scaled_target(train: Matrix, like: Matrix | None = None) -> Scaled:
    """The target of ``train``, in the scale that ``like`` (by default itself) sets."""
    if train.task != "regression":
        return Scaled(train.target, 1.0, 0.0)
    ruler = like or train
    shift = float(np.average(ruler.target, weights=ruler.weight))
    scale = float(np.sqrt(np.average((ruler.target - shift) ** 2, weights=ruler.weight))) or 1.0
    return Scaled((train.target - shift) / scale, scale, shift)


def even_weight(matrix: Matrix) -> NDArray[np.float64] | None:
    """Weights of mean 1, or None where all are equal."""
    if matrix.weight is None or (matrix.weight == matrix.weight[0]).all():
        return None
    even: NDArray[np.float64] = matrix.weight / matrix.weight.mean()
    return even


def level_of(train: Matrix) -> float:
    """The average log-odds to add to the base before boosting starts; 0 without a base.

    Libraries compute the average themselves only if they do not start from given margins.
    """
    return (
        0.0 if train.base is None else mean_log_odds(train.target, train.base, even_weight(train))
    )


def start_scores(matrix: Matrix, level: float) -> NDArray[np.float64] | None:
    """The margins that boosting starts from, float64[n]: base + level; None without a base."""
    return None if matrix.base is None else matrix.base + level


def is_constant(train: Matrix) -> bool:
    """Whether all columns, or the target, are constant among the rows with a weight above 0."""
    features, target = train.features, train.target
    if train.weight is not None:
        features, target = features[train.weight > 0], target[train.weight > 0]
    if len(target) < 2 or (target == target[0]).all():
        return True
    return all(
        np.array_equal(column, np.full_like(column, column[0]), equal_nan=True)
        for column in features.T
    )


def constant_fit(train: Matrix) -> Fit:
    """A model with the same margins for every row: the average of the target."""
    forests = (
        Forest.from_arrays(leaf_arrays(value), train.n_features) for value in _averages(train)
    )
    return Fit(tuple(forests), 1, 1, out_of_time=False, gains=np.zeros(train.n_features))


def _averages(train: Matrix) -> list[float]:
    if train.task == "regression":
        return [float(np.average(train.target, weights=train.weight))] if len(train) else [0.0]
    weight = even_weight(train)
    if train.base is not None:
        return [mean_log_odds(train.target, train.base, weight)]
    classes = max(train.classes, 2)
    counts = np.bincount(train.target.astype(np.int64), weight, classes) + 0.5
    logs = np.log(counts / counts.sum())
    margins: list[float] = logs.tolist() if train.classes > 1 else [float(logs[1] - logs[0])]
    return margins
