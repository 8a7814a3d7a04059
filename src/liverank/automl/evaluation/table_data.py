"""A table's rows and their split, and the folds made of them that families can train on.

Invariant: an encoder is fitted on the training rows of its fold only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix
from liverank.automl.data.splits import FoldSplit, RowNumbers, Split, forward_folds, random_folds
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.evaluation.cross_validation import CrossValidation, Fold
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.recency import ALL_ALIKE, Recency
from liverank.automl.metrics.objective import Objective
from liverank.automl.preprocessing.categories import EncodingOptions
from liverank.automl.preprocessing.encoder import FeatureCross, fit_transform, take_rows
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.encoder import Encoder
from liverank.models.predictor import Link

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableData:
    """The n rows of a table with a known target, and how they are split.

    columns     arrays of the columns of ``inputs``
    target      float64[n], class numbers or values, in the target's own scale
    classes     margins of a row: number of classes for multiclass, else 1
    link        how margins become predictions; ``expm1`` for models trained on log(1 + target)
    at_ms       float64[n], Unix milliseconds, if rows are split by time, else None
    groups      int64[n], rows that no split divides; None where each row is separate
    weight      float64[n]; None where all rows weigh 1
    gap_ms      how long labels take to become known
    time        the column of ``at_ms``
    recency     which of the rows before a moment train a model, and how much each counts
    time_as_number  whether the rows' time, in days since 1970, is a feature
    """

    columns: Columns
    inputs: tuple[Input, ...]
    target: Floats
    classes: int
    objective: Objective
    link: Link
    split: Split
    at_ms: Floats | None
    groups: NDArray[np.int64] | None
    weight: Floats | None
    gap_ms: float
    time: str | None
    seed: int
    class_names: tuple[str, ...] = ()
    feature_crosses: tuple[FeatureCross, ...] = ()
    recency: Recency = ALL_ALIKE
    time_as_number: bool = False
    even_blocks: bool = False
    """Whether the validation rows of earlier folds are as many as those of the split."""
    encodings: Mapping[str, ColumnEncoding] = field(default_factory=dict)
    """Ids that are encoded as numbers, by their levels, or as both; others go by their type."""

    @property
    def trained_target(self) -> Floats:
        """The target in the scale that models are trained on."""
        return np.log1p(self.target) if self.link == "expm1" else self.target

    @property
    def all_rows(self) -> RowNumbers:
        """Rows for the refit: those of all blocks, and those in the gaps between them."""
        if self.split.kind == "manual":
            return np.sort(
                np.concatenate([self.split.train, self.split.validation, self.split.holdout])
            )
        if self.at_ms is not None:
            known = np.flatnonzero(~np.isnan(self.at_ms))
            return known[np.argsort(self.at_ms[known], kind="stable")]
        return np.arange(len(self.target))

    @property
    def kind(self) -> str:
        """How the rows are split."""
        return self.split.kind

    @property
    def n_all(self) -> int:
        """Number of rows of the refit."""
        return len(self.recency.newest(self.all_rows))

    def encode_all(self) -> tuple[Encoder, Matrix]:
        """An encoder fitted on the rows of the refit, and these rows."""
        return self.encode_training(self.all_rows)

    def encode_training(self, rows: RowNumbers) -> tuple[Encoder, Matrix]:
        """As ``encode`` for rows in the order of time, of which ``recency`` may leave out some."""
        rows = self.recency.newest(rows)
        encoder, train = self.encode(rows)
        return encoder, self.recency.weighted(train)

    def encode(self, rows: RowNumbers) -> tuple[Encoder, Matrix]:
        """An encoder fitted on some rows, and these rows."""
        target = TrainingTarget(
            values=self.trained_target[rows],
            classes=self.classes,
            at_ms=None if self.at_ms is None else self.at_ms[rows],
            gap_ms=self.gap_ms,
            groups=None if self.groups is None else self.groups[rows],
            weight=self._weight_of(rows),
        )
        encoder, features = fit_transform(
            take_rows(self.columns, rows),
            self.inputs,
            target,
            time=self.time,
            feature_crosses=self.feature_crosses,
            options=EncodingOptions(encodings=self.encodings, row_time_elapsed=self.time_as_number),
            seed=self.seed,
        )
        return encoder, self._matrix(features, rows, encoder)

    def eval_rows(self, rows: RowNumbers) -> EvalRows:
        """Targets, weights and groups of some rows, to evaluate models on."""
        return EvalRows(
            target=self.target[rows],
            weight=self._weight_of(rows),
            groups=None if self.groups is None else self.groups[rows],
            objective=self.objective,
            link=self.link,
        )

    def encode_fold(self, fold: FoldSplit) -> tuple[Encoder, Matrix, Matrix]:
        """The encoder of a fold, its training rows and its validation rows."""
        encoder, train = self.encode_training(fold.train)
        validation = encoder.transform(take_rows(self.columns, fold.validation))
        return encoder, train, self._matrix(validation, fold.validation, encoder)

    def fold_rows(self, fold: FoldSplit) -> Fold:
        """The rows of a fold, and the holdout rows, as the fold's features."""
        encoder, train, validation = self.encode_fold(fold)
        holdout = encoder.transform(take_rows(self.columns, self.split.holdout))
        return Fold(train, validation, holdout, encoder)

    def evaluation(self, n_folds: int) -> CrossValidation:
        """Folds to search on, at most ``n_folds``, with their evaluation rows."""
        folds = self.folds(n_folds)
        return CrossValidation(
            folds=tuple(self.fold_rows(fold) for fold in folds),
            validation_rows=self.eval_rows(np.concatenate([fold.validation for fold in folds])),
            holdout_rows=self.eval_rows(self.split.holdout),
            in_time=self.split.kind == "chronological",
        )

    def folds(self, n_folds: int) -> tuple[FoldSplit, ...]:
        """The train and validation blocks as one fold; or several folds, forward or random."""
        own = FoldSplit(self.split.train, self.split.validation)
        if n_folds == 1 or self.split.kind == "manual":
            return (own,)
        if self.at_ms is not None:
            train = self.split.train
            groups = None if self.groups is None else self.groups[train]
            earlier = forward_folds(
                self.at_ms[train],
                n_folds - 1,
                groups=groups,
                gap_ms=self.gap_ms,
                block=len(self.split.validation) / len(train) if self.even_blocks else None,
            )
            return (*(FoldSplit(train[f.train], train[f.validation]) for f in earlier), own)
        rest = np.sort(np.concatenate([self.split.train, self.split.validation]))
        groups = None if self.groups is None else self.groups[rest]
        folds = random_folds(self.target[rest], n_folds, seed=self.seed, groups=groups)
        return tuple(FoldSplit(rest[fold.train], rest[fold.validation]) for fold in folds)

    def _matrix(self, features: NDArray[np.float32], rows: RowNumbers, encoder: Encoder) -> Matrix:
        return Matrix(
            features=features,
            target=np.ascontiguousarray(self.trained_target[rows]),
            weight=self._weight_of(rows),
            names=encoder.names,
            directions=(0,) * encoder.n_features,
            task=self.objective.task,
            classes=self.classes,
        )

    def _weight_of(self, rows: RowNumbers) -> Floats | None:
        if self.weight is None or not self.weight[rows].any():
            return None
        return self.weight[rows]
