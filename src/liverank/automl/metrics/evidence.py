"""How many rows the figures of a model hang on: few, where one class or a few errors decide.

Numbers of rows are effective ones (Kish, 1965): rows of one group count once, and rows of unequal
weight count less. Invariant: no figure hangs on more rows than there are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.intervals import auc_interval, precision_interval, wilson

Floats = NDArray[np.float64]

_RANKING = ("auc", "auc_pr", "precision_at_recall", "recall_at_precision")
"""Metrics that compare the rows of one class with those of the others."""
_LEAST_POSITIVES = 1.5
"""Fewest positive rows from which the formula of the average precision means anything."""


@dataclass(frozen=True)
class Evidence:
    """Effective numbers of rows.

    rows     all of them
    classes  those of each class that occurs, by its number; empty for values
    losses   those that the mean loss hangs on
    errors   those that the mean of the losses' roots hangs on, such as the mean absolute error
    missing  whether a class of two has no row
    """

    rows: float
    classes: dict[int, float]
    losses: float
    errors: float
    missing: bool

    @classmethod
    def of(cls, margins: Floats, rows: EvalRows) -> "Evidence":
        """Count them; ``margins`` are float64[n, k].

        >>> from liverank.automl.metrics.objective import find_objective
        >>> objective = find_objective(None, "binary")
        >>> rows = EvalRows(np.array([0.0, 0, 0, 1]), None, None, objective, "sigmoid")
        >>> Evidence.of(np.zeros((4, 1)), rows).classes
        {0: 3.0, 1: 1.0}
        """
        weight = np.ones(len(rows)) if rows.weight is None else rows.weight
        groups = np.arange(len(rows)) if rows.groups is None else rows.groups
        counts: dict[int, float] = {}
        if rows.task != "regression":
            for number in np.unique(rows.target[weight > 0]):
                own = rows.target == number
                counts[int(number)] = effective_rows(weight[own], groups[own])
        losses = rows.row_losses(margins)
        return cls(
            rows=effective_rows(weight, groups),
            classes=counts,
            losses=effective_rows(weight * losses, groups),
            errors=effective_rows(weight * np.sqrt(losses), groups),
            missing=rows.task == "binary" and len(counts) < 2,
        )

    def units(self, name: str) -> float:
        """The number of rows that a figure hangs on; 0 where they do not say."""
        key = name.partition("=")[0]
        if key == "accuracy":
            return self.rows
        if self.missing:
            return 0.0
        if key == "mae":
            return min(self.errors, self.rows)
        rarest = min(self.classes.values(), default=self.rows)
        if key in _RANKING:
            return rarest
        return min(self.losses, rarest if len(self.classes) == 2 else self.rows)

    def by_formula(self, name: str, value: float) -> tuple[float, float]:
        """The 95 % interval of a figure by a formula; the figure itself where there is none."""
        if name == "accuracy":
            return wilson(value, self.rows)
        if set(self.classes) == {0, 1} and name == "auc":
            return auc_interval(value, self.classes[1], self.classes[0])
        if set(self.classes) == {0, 1} and name == "auc_pr" and self.classes[1] >= _LEAST_POSITIVES:
            return precision_interval(value, self.classes[1])
        return value, value


def effective_rows(weight: Floats, groups: NDArray[np.int64]) -> float:
    """The number of equal parts that the sum of ``weight`` is as good as; 0 for no weight.

    >>> effective_rows(np.array([1.0, 1.0, 0.0]), np.arange(3))
    2.0
    >>> effective_rows(np.array([1.0, 1.0, 1.0]), np.array([7, 7, 9]))
    1.8
    """
    parts = np.bincount(np.unique(groups, return_inverse=True)[1], weight)
    squares = float((parts**2).sum())
    return float(parts.sum()) ** 2 / squares if squares > 0 else 0.0
