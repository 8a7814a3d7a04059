"""From a table's columns and its split to folds that families can train on.

Invariant: whatever an encoder learns, it learns from the rows that its fold trains on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix
from liverank.automl.data.splits import FoldSplit, RowNumbers, Split, forward_folds, random_folds
from liverank.automl.evaluation.cross_validation import CrossValidation, Fold
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.objective import Objective
from liverank.automl.preprocessing.encoder import FeatureCross, fit_transform, take_rows
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.encoder import Encoder
from liverank.models.predictor import Link

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableData:
    """All that is known of a table's rows, n of them, and how they are split.

    ``target`` is in its own scale; ``at_ms`` is None unless rows are split by time.
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

    @property
    def trained_target(self) -> Floats:
        """The target in the scale that models are trained in."""
        return np.log1p(self.target) if self.link == "expm1" else self.target

    @property
    def all_rows(self) -> RowNumbers:
        """Rows for the last training: of all blocks, and those in the gaps between them."""
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
        """How many rows the last training has."""
        return len(self.all_rows)

    def encode_all(self) -> tuple[Encoder, Matrix]:
        """The rows of the last training, and an encoder fitted on them."""
        return self.encode(self.all_rows)

    def encode(self, places: RowNumbers) -> tuple[Encoder, Matrix]:
        """An encoder fitted on rows, and these rows."""
        encoder, features = fit_transform(
            take_rows(self.columns, places),
            self.inputs,
            self.trained_target[places],
            classes=self.classes,
            at_ms=None if self.at_ms is None else self.at_ms[places],
            gap_ms=self.gap_ms,
            groups=None if self.groups is None else self.groups[places],
            weight=self._weight_of(places),
            time=self.time,
            feature_crosses=self.feature_crosses,
            seed=self.seed,
        )
        return encoder, self._matrix(features, places, encoder)

    def eval_rows(self, places: RowNumbers) -> EvalRows:
        """Rows to choose or to judge by."""
        return EvalRows(
            target=self.target[places],
            weight=self._weight_of(places),
            groups=None if self.groups is None else self.groups[places],
            objective=self.objective,
            link=self.link,
        )

    def encode_fold(self, fold: FoldSplit) -> tuple[Encoder, Matrix, Matrix]:
        """The encoder of a fold, its training and its choosing rows."""
        encoder, train = self.encode(fold.train)
        validation = encoder.transform(take_rows(self.columns, fold.validation))
        return encoder, train, self._matrix(validation, fold.validation, encoder)

    def fold_rows(self, fold: FoldSplit) -> Fold:
        """The rows of a fold, and the judging rows, in the fold's features."""
        encoder, train, validation = self.encode_fold(fold)
        holdout = encoder.transform(take_rows(self.columns, self.split.holdout))
        return Fold(train, validation, holdout, encoder)

    def evaluation(self, n_folds: int) -> CrossValidation:
        """``folds`` to search on."""
        folds = self.folds(n_folds)
        return CrossValidation(
            folds=tuple(self.fold_rows(fold) for fold in folds),
            validation_rows=self.eval_rows(np.concatenate([fold.validation for fold in folds])),
            holdout_rows=self.eval_rows(self.split.holdout),
            in_time=self.split.kind == "chronological",
        )

    def folds(self, n_folds: int) -> tuple[FoldSplit, ...]:
        """The split's own, and with more than one, forward or random ones."""
        own = FoldSplit(self.split.train, self.split.validation)
        if n_folds == 1 or self.split.kind == "manual":
            return (own,)
        if self.at_ms is not None:
            fit = self.split.train
            groups = None if self.groups is None else self.groups[fit]
            earlier = forward_folds(self.at_ms[fit], n_folds - 1, groups=groups, gap_ms=self.gap_ms)
            return (*(FoldSplit(fit[fold.train], fit[fold.validation]) for fold in earlier), own)
        rest = np.sort(np.concatenate([self.split.train, self.split.validation]))
        groups = None if self.groups is None else self.groups[rest]
        drawn = random_folds(self.target[rest], n_folds, seed=self.seed, groups=groups)
        return tuple(FoldSplit(rest[fold.train], rest[fold.validation]) for fold in drawn)

    def _matrix(
        self, features: NDArray[np.float32], places: RowNumbers, encoder: Encoder
    ) -> Matrix:
        return Matrix(
            features=features,
            target=np.ascontiguousarray(self.trained_target[places]),
            weight=self._weight_of(places),
            names=encoder.names,
            directions=(0,) * encoder.n_features,
            task=self.objective.task,
            classes=self.classes,
        )

    def _weight_of(self, places: RowNumbers) -> Floats | None:
        if self.weight is None or not self.weight[places].any():
            return None
        return self.weight[places]
