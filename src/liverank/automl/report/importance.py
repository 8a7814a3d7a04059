"""How much a model owes to each column: by how much it is worse when the column is shuffled.

Told in log-loss, or of values in the root of the mean squared error.

Measured on judging rows, with the column's values exchanged among them (Breiman, 2001; Fisher et
al., 2019), so a column that only looked useful in training gets nothing.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.report.schema import Importance
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.encoder.columns import Columns

_MOST_ROWS = 3000
_Z95 = 1.96


def permutation_importance(
    margins: Callable[[Columns], NDArray[np.float64]],
    columns: Columns,
    judged: EvalRows,
    *,
    seed: int,
    deadline: Deadline,
) -> tuple[Importance, ...]:
    """By how much the loss rises, by column, the most important first, with 95 % of it.

    ``margins`` gives float64[n, k] of columns; rows beyond some thousands are left out. Columns
    that the deadline left no time for are missing.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> x = np.linspace(-5, 5, 100)
    >>> held = EvalRows((x > 0) * 1.0, None, None, find_objective(None, "binary"), "sigmoid")
    >>> columns = {"noise": np.ones(100), "x": x}
    >>> found = permutation_importance(
    ...     lambda some: some["x"][:, None],
    ...     columns,
    ...     held,
    ...     seed=0,
    ...     deadline=Deadline(1.0, lambda: 0.0),
    ... )
    >>> [each.column for each in found], found[1].rise, found[0].low > 1
    (['x', 'noise'], 0.0, True)
    """
    places = evenly_spread_rows(len(judged), _MOST_ROWS)
    rows = {name: values[places] for name, values in columns.items()}
    held = judged.take(places)
    weight = np.ones(len(held)) if held.weight is None else held.weight / held.weight.mean()
    whole = held.row_losses(margins(rows))
    generator = np.random.default_rng(seed)
    found: list[Importance] = []
    for name, values in rows.items():
        if deadline.expired():
            break
        shuffled = {**rows, name: values[generator.permutation(len(places))]}
        rises = weight * (held.row_losses(margins(shuffled)) - whole)
        rise = float(rises.mean())
        half = _Z95 * float(rises.std()) / max(len(rises), 1) ** 0.5
        low, middle, high = rise - half, rise, rise + half
        if judged.task == "regression":
            mean = float((weight * whole).mean())
            low, middle, high = (_root_rise(mean, each) for each in (low, middle, high))
        found.append(Importance(column=name, rise=middle, low=low, high=high))
    return tuple(sorted(found, key=lambda each: -each.rise))


def _root_rise(mean: float, rise: float) -> float:
    """How much the root of a mean rises when the mean does."""
    return float(max(mean + rise, 0.0) ** 0.5 - mean**0.5)
