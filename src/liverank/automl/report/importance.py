"""Permutation importance: how much the loss rises when the values of one column are shuffled.

The loss is log-loss, or for values the root of the mean squared error. It is measured on holdout
rows (Breiman, 2001; Fisher et al., 2019), so a column used only to fit noise has no importance.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.intervals import Z95
from liverank.automl.report.schema import Importance
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.encoder.columns import Columns

_MOST_ROWS = 3000


def permutation_importance(
    margins: Callable[[Columns], NDArray[np.float64]],
    columns: Columns,
    rows: EvalRows,
    *,
    seed: int,
    deadline: Deadline,
) -> tuple[Importance, ...]:
    """The rise of the loss by column with its 95 % interval, the most important column first.

    ``margins`` gives float64[n, k] for columns of n rows; only 3000 rows are used where n is
    larger. Columns for which there was no time are missing.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> x = np.linspace(-5, 5, 100)
    >>> rows = EvalRows((x > 0) * 1.0, None, None, find_objective(None, "binary"), "sigmoid")
    >>> columns = {"noise": np.ones(100), "x": x}
    >>> importance = permutation_importance(
    ...     lambda some: some["x"][:, None],
    ...     columns,
    ...     rows,
    ...     seed=0,
    ...     deadline=Deadline(1.0, lambda: 0.0),
    ... )
    >>> [each.column for each in importance], importance[1].rise, importance[0].low > 1
    (['x', 'noise'], 0.0, True)
    """
    chosen = evenly_spread_rows(len(rows), _MOST_ROWS)
    values_of = {name: values[chosen] for name, values in columns.items()}
    rows = rows.take(chosen)
    weight = rows.unit_weight
    whole = rows.row_losses(margins(values_of))
    generator = np.random.default_rng(seed)
    importance: list[Importance] = []
    for name, values in values_of.items():
        if deadline.expired():
            break
        shuffled = {**values_of, name: values[generator.permutation(len(chosen))]}
        rises = weight * (rows.row_losses(margins(shuffled)) - whole)
        rise = float(rises.mean())
        half = Z95 * float(rises.std()) / max(len(rises), 1) ** 0.5
        low, middle, high = rise - half, rise, rise + half
        if rows.task == "regression":
            mean = float((weight * whole).mean())
            low, middle, high = (_root_rise(mean, each) for each in (low, middle, high))
        importance.append(Importance(column=name, rise=middle, low=low, high=high))
    return tuple(sorted(importance, key=lambda each: -each.rise))


def _root_rise(mean: float, rise: float) -> float:
    """The rise of the root of a mean when the mean rises."""
    return float(max(mean + rise, 0.0) ** 0.5 - mean**0.5)
