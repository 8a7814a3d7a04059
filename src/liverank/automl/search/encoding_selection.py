"""Selection of the encodings of ids: as numbers, by their levels, or as both.

A quick forest is trained on one fold with each assignment that is tried, and the one with the
lowest validation loss is kept. Where there is no time for it, each column keeps the encoding that
its profile proposes. Invariant: the holdout rows are not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.data.splits import FoldSplit
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.families import lightgbm
from liverank.automl.profile.numeric_ids import USED_AS, ColumnEncoding
from liverank.automl.profile.profile import TableProfile
from liverank.dataset.sampling import evenly_spread_rows

_SURE = 2.0
"""Standard errors by which a change must lower the loss."""
_OTHERS = ""
"""Stands for the columns that have one encoding."""

Floats = NDArray[np.float64]
Encodings: TypeAlias = Mapping[str, ColumnEncoding]

_PARAMS = {"learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20, "feature_fraction": 0.7}
_LEAST_ROWS = 500
_MOST_ROWS = 60_000
"""Rows that a quick forest is trained and validated on."""
_MOST_ENCODED = 300_000
"""Rows that encodings are fitted on: more than the forest's, so that levels are not made rare."""


def choose_encodings(
    table_data: TableData, proposed: Encodings, deadline: Deadline
) -> dict[str, ColumnEncoding]:
    """The encoding of each column of ``proposed``, chosen before the deadline."""
    chosen = dict(proposed)
    if not proposed or len(table_data.split.train) < _LEAST_ROWS:
        return chosen
    trials = _EncodingTrials(table_data, tuple(proposed), deadline)
    alternatives: tuple[ColumnEncoding, ...] = ("number", "both", "levels")
    for encoding in alternatives:
        every: dict[str, ColumnEncoding] = dict.fromkeys(proposed, encoding)
        if trials.is_better(every, chosen):
            chosen = every
    for name in proposed if len(proposed) > 1 else ():
        for encoding in alternatives:
            changed = {**chosen, name: encoding}
            if trials.is_better(changed, chosen):
                chosen = changed
    return chosen


def with_encodings(profile: TableProfile, encodings: Encodings) -> TableProfile:
    """The profile of a table whose ids are encoded like this."""
    columns = (
        msgspec.structs.replace(
            column,
            encoding=encodings[column.form.name],
            reason=f"{column.reason}; {USED_AS[encodings[column.form.name]]}",
        )
        if column.form.name in encodings
        else column
        for column in profile.columns
    )
    return msgspec.structs.replace(profile, columns=tuple(columns))


@dataclass(eq=False)
class _EncodingTrials:
    """A fold on which a quick forest is trained with any encodings, whose columns are cached."""

    table_data: TableData
    names: tuple[str, ...]
    deadline: Deadline
    _blocks: dict[tuple[str, ColumnEncoding], tuple[Matrix, Matrix]] = field(default_factory=dict)
    _losses: dict[tuple[ColumnEncoding, ...], Floats | None] = field(default_factory=dict)
    _longest_s: float = 0.0

    def is_better(self, changed: Encodings, chosen: Encodings) -> bool:
        """Whether the loss of the validation rows falls by more than its standard error."""
        before, after = self._row_losses(chosen), self._row_losses(changed)
        if before is None or after is None:
            return False
        falls = (before - after) * self._validation_rows.unit_weight
        return bool(falls.mean() > _SURE * falls.std() / np.sqrt(len(falls)))

    def _row_losses(self, encodings: Encodings) -> Floats | None:
        """Losses of the validation rows; None where there is no time for another forest."""
        key = tuple(encodings[name] for name in self.names)
        if key not in self._losses:
            began = self.deadline.clock()
            if self.deadline.left_s() < self._longest_s:
                return None
            self._losses[key] = self._train(encodings)
            self._longest_s = max(self._longest_s, self.deadline.clock() - began)
        return self._losses[key]

    def _train(self, encodings: Encodings) -> Floats | None:
        wanted: list[tuple[str, ColumnEncoding]] = []
        if len(self.names) < len(self.table_data.inputs):
            wanted.append((_OTHERS, "both"))
        for name in self.names:
            is_both = encodings[name] == "both"
            wanted += [(name, "number"), (name, "levels")] if is_both else [(name, encodings[name])]
        blocks = []
        for name, encoding in wanted:
            blocks.append(self._block(name, encoding))
            if self.deadline.expired():
                return None
        train, validation = (_joined([pair[side] for pair in blocks]) for side in (0, 1))
        fit = lightgbm.fit(
            train,
            validation,
            _PARAMS,
            seed=self.table_data.seed,
            n_threads=1,
            deadline=self.deadline,
            rounds=None,
        )
        if fit.out_of_time:
            return None
        return self._validation_rows.row_losses(fit.margins(validation.features))

    @cached_property
    def _fold(self) -> FoldSplit:
        """The rows that encodings are fitted on."""
        (fold,) = self.table_data.folds(1)
        share = min(_MOST_ENCODED / (len(fold.train) + len(fold.validation)), 1.0)
        return FoldSplit(_thinned(fold.train, share), _thinned(fold.validation, share))

    @cached_property
    def _forest_rows(self) -> FoldSplit:
        """Which rows of the fold the forests use."""
        n_train, n_validation = len(self._fold.train), len(self._fold.validation)
        share = min(_MOST_ROWS / (n_train + n_validation), 1.0)
        return FoldSplit(
            _thinned(np.arange(n_train), share), _thinned(np.arange(n_validation), share)
        )

    @cached_property
    def _validation_rows(self) -> EvalRows:
        return self.table_data.eval_rows(self._fold.validation[self._forest_rows.validation])

    def _block(self, name: str, encoding: ColumnEncoding) -> tuple[Matrix, Matrix]:
        """Features of one column, or of all ``_OTHERS``: of training and of validation rows."""
        if (name, encoding) not in self._blocks:
            inputs = self.table_data.inputs
            alone = replace(
                self.table_data,
                inputs=tuple(form for form in inputs if form.name not in self.names)
                if name == _OTHERS
                else tuple(form for form in inputs if form.name == name),
                encodings={name: encoding},
            )
            _, train, validation = alone.encode_fold(self._fold)
            self._blocks[name, encoding] = (
                train.take(self._forest_rows.train),
                validation.take(self._forest_rows.validation),
            )
        return self._blocks[name, encoding]


def _thinned(rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    return rows[evenly_spread_rows(len(rows), max(round(share * len(rows)), 1))]


def _joined(blocks: list[Matrix]) -> Matrix:
    """Matrices of the same rows, next to each other."""
    features = np.concatenate([block.features for block in blocks], axis=1)
    names = tuple(name for block in blocks for name in block.names)
    return replace(blocks[0], features=features, names=names, directions=(0,) * len(names))
