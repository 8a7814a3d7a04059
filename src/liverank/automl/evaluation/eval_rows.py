"""Rows held out of training, and how well margins do on them.

Invariant: rows of one group are drawn together, since they are alike; without groups a row is one.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.automl.metrics.figures import row_losses
from liverank.automl.metrics.list_loss_kernel import which_losses_kernel
from liverank.automl.metrics.objective import Objective, all_figures
from liverank.dataset.rows import list_offsets
from liverank.models.predictor import Link

Floats = NDArray[np.float64]

LINKS: dict[Task, Link] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}
_DRAWS = 400


@dataclass(frozen=True, eq=False)
class EvalRows:
    """Rows to choose or to judge by.

    target    float64[n], in its own scale
    weight    float64[n] or None
    groups    int64[n] or None: rows that are drawn together
    objective what is to be good
    link      ``expm1`` where a regression is trained on log(1 + target)
    base      float64[n] or None: log-odds beside a model's, which made the target what it is. All
              margins here are without it; figures and losses add it

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
        """What the target is."""
        return self.objective.task

    def on_base(self, margins: Floats) -> Floats:
        """Margins, float64[n, k], with the base added: those of what was observed."""
        return margins if self.base is None else margins + self.base[:, None]

    def own_scale(self, margins: Floats) -> Floats:
        """Margins on the base, of a regression as values in the target's own scale."""
        if self.link == "expm1":
            return np.expm1(np.clip(margins, 0.0, 700.0))
        return self.on_base(margins)

    def loss(self, margins: Floats) -> float:
        """The objective, turned so that less is better."""
        return self.objective.loss(self.own_scale(margins), self.target, self.weight)

    def figures(self, margins: Floats) -> dict[str, float]:
        """The objective and the usual figures of the task."""
        return all_figures(self.objective, self.own_scale(margins), self.target, self.weight)

    def row_losses(self, margins: Floats) -> Floats:
        """What families train by, of each row: log-loss, or squared error in the trained scale."""
        target = np.log1p(self.target) if self.link == "expm1" else self.target
        return row_losses(self.on_base(margins), target, self.task)

    def which_losses(self, margins: Floats) -> Floats:
        """How unlikely each success was to be the one of its group, 0 for failures: float64[n]."""
        assert self.groups is not None
        offsets = list_offsets(self.groups)
        losses: Floats = which_losses_kernel(self.on_base(margins)[:, 0], self.target, offsets)
        return losses

    def mean_loss(self, margins: Floats) -> float:
        """Weighted mean of ``row_losses``."""
        return float(np.average(self.row_losses(margins), weights=self.weight))

    def take(self, where: NDArray[np.bool_] | NDArray[np.int64]) -> "EvalRows":
        """Some of the rows."""
        return EvalRows(
            self.target[where],
            None if self.weight is None else self.weight[where],
            None if self.groups is None else self.groups[where],
            self.objective,
            self.link,
            None if self.base is None else self.base[where],
        )

    def parts(self, n: int) -> NDArray[np.int64]:
        """A part of ``n`` for each row, int64 from 0, of about as many groups; none is divided."""
        groups = np.arange(len(self)) if self.groups is None else self.groups
        return np.asarray(np.unique(groups, return_inverse=True)[1] % n, np.int64)


def joined(first: EvalRows, second: EvalRows) -> EvalRows:
    """The rows of both; their groups are kept apart."""
    weight = groups = base = None
    if first.weight is not None and second.weight is not None:
        weight = np.concatenate([first.weight, second.weight])
    if first.base is not None and second.base is not None:
        base = np.concatenate([first.base, second.base])
    if first.groups is not None and second.groups is not None:
        shift = first.groups.max(initial=-1) - second.groups.min(initial=0) + 1
        groups = np.concatenate([first.groups, second.groups + shift])
    target = np.concatenate([first.target, second.target])
    return replace(first, target=target, weight=weight, groups=groups, base=base)


def gain_interval(
    before: Floats, after: Floats, eval_rows: EvalRows, *, seed: int = 0, confidence: float = 0.9
) -> tuple[float, float]:
    """How much the loss falls from one to the other: the interval of a bootstrap over groups.

    The percentile bootstrap (Efron, 1979) with whole groups. Of log-loss and of a squared error the
    mean loss of rows is taken, of other objectives the objective itself.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> rows = EvalRows(np.array([0.0, 1.0]), None, None, find_objective(None, "binary"), "sigmoid")
    >>> gain_interval(np.zeros((2, 1)), np.zeros((2, 1)), rows)
    (0.0, 0.0)
    """
    groups = np.arange(len(eval_rows)) if eval_rows.groups is None else eval_rows.groups
    _, members = np.unique(groups, return_inverse=True)
    n_groups = int(members.max(initial=-1)) + 1
    if n_groups == 0:
        return math.nan, math.nan
    weight = np.ones(len(eval_rows)) if eval_rows.weight is None else eval_rows.weight
    generator = np.random.default_rng(seed)
    gains = np.empty(_DRAWS)
    if eval_rows.objective.is_training_loss:
        fall = weight * (eval_rows.row_losses(before) - eval_rows.row_losses(after))
        falls = np.bincount(members, fall)
        weights = np.bincount(members, weight)
        for draw in range(_DRAWS):
            times = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)
            gains[draw] = float(times @ falls) / max(float(times @ weights), 1e-300)
    else:
        own_before, own_after = eval_rows.own_scale(before), eval_rows.own_scale(after)
        for draw in range(_DRAWS // 2):
            times = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)
            drawn = weight * times[members]
            losses = [
                eval_rows.objective.loss(margins, eval_rows.target, drawn)
                for margins in (own_before, own_after)
            ]
            gains[draw] = losses[0] - losses[1] if np.isfinite(losses).all() else 0.0
        gains = gains[: _DRAWS // 2]
    tail = (1 - confidence) / 2
    low, high = np.quantile(gains, [tail, 1 - tail])
    return float(low), float(high)
