"""Rows held out of training, and the losses and figures of margins on them.

Invariant: margins are without the rows' base; every loss and figure adds it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task, weight_of_part
from liverank.automl.metrics.figures import row_losses
from liverank.automl.metrics.list_loss_kernel import list_losses_kernel
from liverank.automl.metrics.objective import Objective, all_figures
from liverank.dataset.rows import list_offsets
from liverank.models.predictor import Link

Floats = NDArray[np.float64]

LINKS: dict[Task, Link] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}


@dataclass(frozen=True, eq=False)
class EvalRows:
    """Rows to validate models on, or the holdout.

    target     float64[n], in its own scale
    weight     float64[n]; None where all rows weigh 1
    groups     int64[n], rows that are drawn together; None where each is separate
    objective  the figure to optimise
    link       ``expm1`` where a regression is trained on log(1 + target)
    base       float64[n], log-odds known apart from the model, such as the effect of a position;
               None for none. Margins are given without it; losses and figures add it

    >>> from liverank.automl.metrics.objective import find_objective
    >>> rows = EvalRows(np.array([0.0, 1.0]), None, None, find_objective(None, "binary"), "sigmoid")
    >>> round(rows.loss(np.array([[0.0], [0.0]])), 4)
    0.6931
    """

    target: Floats
    weight: Floats | None
    groups: NDArray[np.int64] | None
    objective: Objective
    link: Link
    base: Floats | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def task(self) -> Task:
        """Binary, multiclass or regression."""
        return self.objective.task

    def on_base(self, margins: Floats) -> Floats:
        """Margins, float64[n, k], with the base added."""
        return margins if self.base is None else margins + self.base[:, None]

    def own_scale(self, margins: Floats) -> Floats:
        """Margins with the base added; of a regression, values in the target's own scale."""
        if self.link == "expm1":
            return np.expm1(np.clip(margins, 0.0, 700.0))
        return self.on_base(margins)

    def loss(self, margins: Floats) -> float:
        """The objective as a loss: lower is better."""
        return self.objective.loss(self.own_scale(margins), self.target, self.weight)

    def figures(self, margins: Floats) -> dict[str, float]:
        """The objective and the standard figures of the task, by name."""
        return all_figures(self.objective, self.own_scale(margins), self.target, self.weight)

    def row_losses(self, margins: Floats) -> Floats:
        """Training loss of rows, float64[n]: log-loss, or squared error on the trained scale."""
        target = np.log1p(self.target) if self.link == "expm1" else self.target
        return row_losses(self.on_base(margins), target, self.task)

    def list_losses(self, margins: Floats) -> Floats:
        """Softmax loss of each success within its group, 0 for failures: float64[n]."""
        assert self.groups is not None
        offsets = list_offsets(self.groups)
        losses: Floats = list_losses_kernel(self.on_base(margins)[:, 0], self.target, offsets)
        return losses

    @property
    def unit_weight(self) -> Floats:
        """Weights of mean 1, float64[n]."""
        return np.ones(len(self)) if self.weight is None else self.weight / self.weight.mean()

    def mean_loss(self, margins: Floats) -> float:
        """Weighted mean of ``row_losses``."""
        return float(np.average(self.row_losses(margins), weights=self.weight))

    def take(self, where: NDArray[np.bool_] | NDArray[np.int64]) -> "EvalRows":
        """Some of the rows, by mask or row numbers; they count alike where all of them weigh 0."""
        return EvalRows(
            self.target[where],
            weight_of_part(self.weight, where),
            None if self.groups is None else self.groups[where],
            self.objective,
            self.link,
            None if self.base is None else self.base[where],
        )

    def parts(self, n: int) -> NDArray[np.int64]:
        """The part of each row, int64 from 0 to n - 1: equally many groups each, none divided."""
        groups = np.arange(len(self)) if self.groups is None else self.groups
        return np.asarray(np.unique(groups, return_inverse=True)[1] % n, np.int64)


def joined(first: EvalRows, second: EvalRows) -> EvalRows:
    """The rows of both; a group of one is never merged with a group of the other.

    Where only one has weights, the rows of the other weigh as much as its rows do on average.
    """
    weight = groups = base = None
    known = [rows.weight for rows in (first, second) if rows.weight is not None]
    if known:
        mean = np.concatenate(known).mean()
        weight = np.concatenate(
            [
                np.full(len(rows), mean) if rows.weight is None else rows.weight
                for rows in (first, second)
            ]
        )
    if first.base is not None and second.base is not None:
        base = np.concatenate([first.base, second.base])
    if first.groups is not None and second.groups is not None:
        shift = first.groups.max(initial=-1) - second.groups.min(initial=0) + 1
        groups = np.concatenate([first.groups, second.groups + shift])
    target = np.concatenate([first.target, second.target])
    return replace(first, target=target, weight=weight, groups=groups, base=base)
