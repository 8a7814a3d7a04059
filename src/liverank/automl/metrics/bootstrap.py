"""How sure the figures of a model are: by a bootstrap over the judging rows, whole groups together.

Invariant: rows of one group are drawn together, so that rows that are alike count once.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows

_MOST_DRAWS = 200
_LEAST_DRAWS = 20
_Z95 = 1.96
_SHARES = ("auc", "auc_pr", "precision_at_recall", "recall_at_precision", "accuracy")


def figure_intervals(
    margins: NDArray[np.float64], judged: EvalRows, *, seed: int, deadline: Deadline
) -> dict[str, tuple[float, float]]:
    """95 % of each figure: 1.96 standard deviations of it over draws (Efron, 1979) to both sides.

    ``margins`` are float64[n, k]. A figure is missing where the deadline left time for less than 20
    draws, or where draws do not tell it.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> target = np.arange(400) % 4.0
    >>> held = EvalRows(target, None, None, find_objective("mae", "regression"), "identity")
    >>> deadline = Deadline(1.0, lambda: 0.0)
    >>> low, high = figure_intervals(np.zeros((400, 1)), held, seed=0, deadline=deadline)["mae"]
    >>> round(low, 1), round(high, 1)
    (1.4, 1.6)
    """
    figures = judged.figures(margins)
    groups = np.arange(len(judged)) if judged.groups is None else judged.groups
    _, members = np.unique(groups, return_inverse=True)
    n_groups = int(members.max(initial=-1)) + 1
    weight = np.ones(len(judged)) if judged.weight is None else judged.weight
    generator = np.random.default_rng(seed)
    draws: list[list[float]] = []
    while n_groups > 1 and len(draws) < _MOST_DRAWS and not deadline.expired():
        times = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)
        drawn = np.flatnonzero(weight * times[members])
        if len(drawn) == 0:
            continue
        weights = (weight * times[members])[drawn]
        held = judged.take(drawn)
        some = EvalRows(held.target, weights, None, held.objective, held.link, held.base)
        draws.append(list(some.figures(margins[drawn]).values()))
    found = {}
    for name, values in zip(figures, zip(*draws, strict=True), strict=False):
        told = [value for value in values if np.isfinite(value)]
        if len(told) >= _LEAST_DRAWS and np.isfinite(figures[name]):
            half = _Z95 * float(np.std(told, ddof=1))
            low, high = figures[name] - half, figures[name] + half
            if name.partition("=")[0] in _SHARES:
                low, high = max(low, 0.0), min(high, 1.0)
            found[name] = (low if name == "r2" else max(low, 0.0), high)
    return found
