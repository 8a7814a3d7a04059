"""Evaluation of a trained model on later rows with a known target, which are read in batches.

Invariant: the figures are those of all rows together, not a mean over batches.
"""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.objective import find_objective
from liverank.automl.profile.task import Target, read_target
from liverank.automl.profile.unseen_values import unseen_values
from liverank.automl.report.from_search import known_figures
from liverank.automl.report.reports import TableReport
from liverank.automl.report.schema import UnseenTargets
from liverank.errors import SourceError
from liverank.models.encoder.columns import Input
from liverank.models.predictor import Link
from liverank.values.numbers import number_of

Floats = NDArray[np.float64]

_MOST_NAMED = 5
_FEW = 5
"""Rows of a class of two below which there is a warning."""


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


class LaterFigures(NamedTuple):
    """Figures of later rows, None where the rows do not define one, and what they leave out."""

    figures: dict[str, float | None]
    rows: int
    """Number of rows that the figures are of."""
    unseen: UnseenTargets | None
    warnings: tuple[str, ...]


class _Batch(NamedTuple):
    """Rows with a known target, float64[n]; ``margins`` are float64[n, k]."""

    target: Floats
    margins: Floats
    weight: Floats
    unseen_weight: float


class LaterScore:
    """Collects margins and observed targets of batches, then computes the figures of a report."""

    def __init__(self, report: TableReport, link: Link) -> None:
        self._target = target_of(report)
        self._objective = find_objective(report.asked.objective, report.asked.task)
        self._weight = next((c.form.name for c in report.data.profile if c.role == "weight"), None)
        self._link: Link = link
        self._batches: list[_Batch] = []
        self._unseen: Counter[str] = Counter()

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
        unseen, is_unseen = unseen_values(rows[name], self._target)
        self._unseen.update(unseen)
        known = ~np.isnan(target)
        weight = read_weight(rows, self._weight)
        weight = np.ones(len(target)) if weight is None else weight
        self._batches.append(
            _Batch(target[known], margins[known], weight[known], float(weight[is_unseen].sum()))
        )

    def figures(self) -> LaterFigures:
        """The figures of all rows added so far.

        Raises SourceError when no row's target is known.
        """
        n = sum(len(batch.target) for batch in self._batches)
        if n == 0:
            raise SourceError(
                f"`{self._target.name}` is known in no row, or has only values that are not "
                "in the training table; give rows with a known target"
            )
        weight = np.concatenate([batch.weight for batch in self._batches])
        is_weighed = bool(weight.any())
        rows = EvalRows(
            np.concatenate([batch.target for batch in self._batches]),
            weight if self._weight is not None and is_weighed else None,
            None,
            self._objective,
            self._link,
        )
        figures = rows.figures(np.concatenate([batch.margins for batch in self._batches]))
        unseen_weight = sum(batch.unseen_weight for batch in self._batches)
        share = float(weight.sum()) / max(float(weight.sum()) + unseen_weight, 1e-300)
        unseen = self._unseen_targets(n, figures.get("accuracy", math.nan) * share)
        warnings = [] if unseen is None else [unseen_warning(unseen, self._target.name)]
        if not is_weighed:
            warnings.append(f"weight `{self._weight}` is 0 in all {n:,} rows, so these count alike")
        warnings += _one_sided(rows.target, self._target)
        return LaterFigures(known_figures(figures), n, unseen, tuple(warnings))

    def _unseen_targets(self, known: int, accuracy: float) -> UnseenTargets | None:
        rows = self._unseen.total()
        if not rows:
            return None
        return UnseenTargets(
            rows=rows,
            of=known + rows,
            values=dict(self._unseen.most_common(_MOST_NAMED)),
            accuracy=None if math.isnan(accuracy) else accuracy,
        )


def unseen_warning(unseen: UnseenTargets, target: str) -> str:
    """What the figures leave out, as a warning.

    >>> unseen_warning(UnseenTargets(rows=1, of=4, values={"x": 1}, accuracy=0.5), "y")[:58]
    '1 of 4 rows are of classes that training never saw (x) and'
    """
    names = list(unseen.values)
    named = ", ".join(
        names if len(names) == 1 else [f"{k} {n:,}" for k, n in unseen.values.items()]
    )
    if sum(unseen.values.values()) < unseen.rows:
        named += " and others"
    if unseen.accuracy is None:
        return (
            f"{unseen.rows:,} of {unseen.of:,} values of `{target}` are no numbers ({named}), and "
            "their rows are left out of the figures"
        )
    return (
        f"{unseen.rows:,} of {unseen.of:,} rows are of classes that training never saw ({named}) "
        f"and are left out of the figures; over all {unseen.of:,} rows, with these counted as "
        f"wrong, accuracy is {unseen.accuracy:.3g}: train again with rows of these classes"
    )


def _one_sided(target: Floats, form: Target) -> list[str]:
    """Warnings about rows with one value of the target, or hardly any row of a class of two."""
    values, counts = np.unique(target, return_counts=True)
    n = len(target)
    if len(values) == 1:
        value = f'"{form.classes[int(values[0])]}"' if form.classes else f"{values[0]:g}"
        what = "classes" if form.classes else "rows"
        return [
            f"`{form.name}` is {value} in all {n:,} rows, so figures that compare {what} are "
            "unknown and the others mean little"
        ]
    if form.task == "binary" and counts.min() < _FEW:
        name, few = form.classes[int(values[counts.argmin()])], counts.min()
        return [
            f'class "{name}" has {few:,} of {n:,} rows, so figures that hang on it (AUC, average '
            "precision, log-loss) are rough"
        ]
    return []
