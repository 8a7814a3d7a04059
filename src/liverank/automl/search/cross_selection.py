"""Selection of feature crosses: they must lower the loss on validation rows by more than noise.

A quick forest is trained without crosses on a few folds, and its residuals rank the candidates.
Those with which a forest of the same shape has a lower loss on the same folds are kept. Invariant:
the holdout rows are not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.data.splits import FoldSplit
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.families import lightgbm
from liverank.automl.metrics.bootstrap import gain_interval
from liverank.automl.preprocessing.encoder import CategoryCross, FeatureCross, take_rows
from liverank.automl.preprocessing.feature_crosses import (
    arithmetic,
    candidates,
    choose_feature_crosses,
)
from liverank.automl.trials.plan import Made
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.encoder.columns import Input
from liverank.models.encoder.steps import Arithmetic, Calendar

Floats = NDArray[np.float64]

_PARAMS = {"learning_rate": 0.15, "num_leaves": 15, "min_data_in_leaf": 20}
_LEAST_ROWS = 500
_MOST_ROWS = 20_000
_FOLDS = 3
_LEAST_FOREST_RUNS = 2
"""Fewest further runs of the quick forest that there must be time for to try any cross."""
_CANDIDATES_SHARE = 0.25
"""Share of the remaining time used to rank candidates."""


def find_feature_crosses(table_data: TableData, deadline: Deadline) -> tuple[FeatureCross, ...]:
    """The crosses that lower the loss, found before the deadline; none where there are few rows."""
    if len(table_data.split.train) < _LEAST_ROWS:
        return ()
    began = deadline.clock()
    trials = _CrossTrials(
        table_data, [_thinned(fold) for fold in table_data.folds(_FOLDS)], deadline
    )
    before = trials.margins(())
    if before is None or deadline.left_s() < _LEAST_FOREST_RUNS * (deadline.clock() - began):
        return ()
    proposed = candidates(
        take_rows(table_data.columns, trials.row_numbers),
        table_data.inputs,
        _unexplained(before, table_data, trials.row_numbers),
        encodings=table_data.encodings,
        deadline=deadline.share(_CANDIDATES_SHARE),
    )
    after: dict[tuple[FeatureCross, ...], Floats | None] = {(): before}

    def loss(crosses: tuple[FeatureCross, ...]) -> float:
        if crosses not in after:
            after[crosses] = trials.margins(crosses)
        margins = after[crosses]
        return np.inf if margins is None else trials.validation_rows.mean_loss(margins)

    kept = choose_feature_crosses(proposed, loss, deadline)
    margins = after[kept]
    if not kept or margins is None:
        return ()
    gain = gain_interval(before, margins, trials.validation_rows, seed=table_data.seed)
    return kept if gain[0] > 0 and trials.help_everywhere(before, margins) else ()


def recorded(crosses: Sequence[FeatureCross]) -> tuple[Made, ...]:
    """Feature crosses in the form that a plan records.

    >>> crosses = (CategoryCross(("city", "hour")), arithmetic("debt", "income", "over"))
    >>> from_record(recorded(crosses)) == crosses
    True
    """
    return tuple(
        Made(columns=(cross.left, cross.right), operation=cross.operation)
        if isinstance(cross, Arithmetic)
        else Made(columns=cross.columns)
        for cross in crosses
        if not isinstance(cross, Calendar)  # never proposed
    )


def from_record(made: Sequence[Made]) -> tuple[FeatureCross, ...]:
    """The opposite of ``recorded``."""
    return tuple(
        CategoryCross(each.columns)
        if each.operation is None
        else arithmetic(each.columns[0], each.columns[1], each.operation)
        for each in made
    )


@dataclass(eq=False)
class _CrossTrials:
    """Folds on which a quick forest is trained with any crosses, whose columns are cached."""

    table_data: TableData
    folds: Sequence[FoldSplit]
    deadline: Deadline
    _rows: list[tuple[Matrix, Matrix]] = field(default_factory=list)
    _columns: dict[FeatureCross, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = field(
        default_factory=dict
    )

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """The validation rows of all folds, one fold after another."""
        return np.concatenate([fold.validation for fold in self.folds])

    @property
    def validation_rows(self) -> EvalRows:
        """The rows of ``row_numbers``, to evaluate margins on."""
        return self.table_data.eval_rows(self.row_numbers)

    def margins(self, crosses: tuple[FeatureCross, ...]) -> Floats | None:
        """Margins of the validation rows, float64[n, k]; None where time ran out."""
        if not self._rows:
            self._rows = [self.table_data.encode_fold(fold)[1:] for fold in self.folds]
        margins = []
        for index, (train, validation) in enumerate(self._rows):
            new = [self._columns_of(cross)[index] for cross in crosses]
            fit = lightgbm.fit(
                _widened(train, [column for column, _ in new]),
                wider := _widened(validation, [column for _, column in new]),
                _PARAMS,
                seed=self.table_data.seed,
                n_threads=1,
                deadline=self.deadline,
                rounds=None,
            )
            if fit.out_of_time:
                return None
            margins.append(fit.margins(wider.features))
        return np.concatenate(margins)

    def help_everywhere(self, before: Floats, after: Floats) -> bool:
        """Whether the loss falls on every fold: a cross that helps only on some is likely noise."""
        ends = np.cumsum([len(fold.validation) for fold in self.folds])
        falls = []
        for fold, end in zip(self.folds, ends, strict=True):
            rows = slice(end - len(fold.validation), end)
            rows_of_fold = self.table_data.eval_rows(fold.validation)
            falls.append(rows_of_fold.mean_loss(before[rows]) - rows_of_fold.mean_loss(after[rows]))
        return min(falls) > 0

    def _columns_of(
        self, cross: FeatureCross
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Columns of training and of validation rows, a pair a fold."""
        if cross not in self._columns:
            alone = replace(
                self.table_data, inputs=_inputs_of(cross, self.table_data), feature_crosses=(cross,)
            )
            self._columns[cross] = []
            for fold, (known, _) in zip(self.folds, self._rows, strict=True):
                _, train, validation = alone.encode_fold(fold)
                new = [i for i, name in enumerate(train.names) if name not in known.names]
                self._columns[cross].append((train.features[:, new], validation.features[:, new]))
        return self._columns[cross]


def _inputs_of(cross: FeatureCross, table_data: TableData) -> tuple[Input, ...]:
    read = cross.columns if isinstance(cross, CategoryCross) else cross.reads
    return tuple(form for form in table_data.inputs if form.name in read)


def _widened(rows: Matrix, columns: list[NDArray[np.float32]]) -> Matrix:
    if not columns:
        return rows
    features = np.concatenate([rows.features, *columns], axis=1)
    more = features.shape[1] - rows.n_features
    return replace(
        rows,
        features=features,
        names=(*rows.names, *(f"extra {i}" for i in range(more))),
        directions=(*rows.directions, *(0,) * more),
    )


def _thinned(fold: FoldSplit) -> FoldSplit:
    """The fold with its rows evenly thinned where they are many."""
    share = min(_MOST_ROWS / max(len(fold.train) + len(fold.validation), 1), 1.0)
    train, validation = (
        rows[evenly_spread_rows(len(rows), max(round(share * len(rows)), 1))]
        for rows in (fold.train, fold.validation)
    )
    return FoldSplit(train, validation)


def _unexplained(margins: Floats, table_data: TableData, rows: NDArray[np.int64]) -> Floats:
    """Target, an indicator for each class, minus its prediction by the margins: float64[n, k]."""
    target = table_data.trained_target[rows][:, None]
    task = table_data.objective.task
    if task == "regression":
        return target - margins
    if task == "binary":
        return np.asarray(target - expit(margins))
    hits: Floats = (target == np.arange(table_data.classes)) * 1.0
    return np.asarray(hits - softmax(margins, axis=1))
