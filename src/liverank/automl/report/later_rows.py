"""Evaluation of a trained model on later rows with a known target, which are read in batches.

Invariant: the figures are those of all rows together, not a mean over batches.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.objective import find_objective
from liverank.automl.profile.task import Target, read_target
from liverank.automl.report.from_search import known_figures
from liverank.automl.report.reports import TableReport
from liverank.errors import SourceError
from liverank.models.encoder.columns import Input
from liverank.models.predictor import Link
from liverank.values.numbers import number_of

Floats = NDArray[np.float64]


def target_of(report: TableReport) -> Target:
    """The target of a reported search, to read it from other tables."""
    asked = report.asked
    is_numeric = not any(np.isnan(number_of(name)) for name in asked.classes)
    own = [c.form for c in report.data.profile if c.role == "target"]
    return Target(
        name=asked.target,
        task=asked.task,
        classes=asked.classes,
        rows=report.data.rows,
        reason=report.data.reason,
        numeric=is_numeric,
        class_type=asked.class_type,
        number_form=(own[0].number_form or None) if own and asked.task == "regression" else None,
    )


def read_weight(table: pl.DataFrame, name: str | None) -> Floats | None:
    """Weights, float64[n], 0 where unknown or negative; None where there is no such column."""
    if name is None or name not in table.columns:
        return None
    weight = read_column(table[name], Input(name=name, type="number"))
    return np.asarray(np.nan_to_num(np.maximum(weight, 0.0)), np.float64)


class LaterScore:
    """Collects margins and observed targets of batches, then computes the figures of a report."""

    def __init__(self, report: TableReport, link: Link) -> None:
        self._target = target_of(report)
        self._objective = find_objective(report.asked.objective, report.asked.task)
        self._weight = next((c.form.name for c in report.data.profile if c.role == "weight"), None)
        self._link: Link = link
        self._batches: list[tuple[Floats, Floats, Floats | None]] = []

    def add(self, rows: pl.DataFrame, margins: Floats) -> None:
        """Add a batch of rows and their margins, float64[n, k].

        Raises SourceError when the rows lack the target.
        """
        name = self._target.name
        if name not in rows.columns:
            raise SourceError(
                f"the rows have no column `{name}`, which the model predicts; "
                "without it there is nothing to compare with: add it, or leave --score out"
            )
        target = read_target(rows[name], self._target)
        known = ~np.isnan(target)
        weight = read_weight(rows, self._weight)
        weight = None if weight is None else weight[known]
        self._batches.append((target[known], margins[known], weight))

    def figures(self) -> tuple[dict[str, float | None], int]:
        """The figures, None where the rows do not define one, and the number of rows scored.

        Raises SourceError when no row's target is known.
        """
        targets, margins, weights = zip(*self._batches, strict=True) if self._batches else ((),) * 3
        n = sum(map(len, targets))
        if n == 0:
            raise SourceError(
                f"`{self._target.name}` is known in no row, or has only values that are not "
                "in the training table; give rows with a known target"
            )
        known = [each for each in weights if each is not None]
        weight = np.concatenate(known) if known and np.concatenate(known).any() else None
        rows = EvalRows(np.concatenate(targets), weight, None, self._objective, self._link)
        figures = rows.figures(np.concatenate(margins))
        return known_figures(figures), n
