"""The folds that models are trained and validated on, and the holdout rows.

Invariant: each fold's features were encoded by an encoder fitted on that fold's training rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.encoder.encoder import Encoder

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: rows to train on, rows to validate on, and the holdout rows, in its own features.

    ``holdout`` is float32[n, f]. ``encoder`` made the features; None where they came as numbers.
    """

    train: Matrix
    validation: Matrix
    holdout: NDArray[np.float32]
    encoder: Encoder | None = None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Folds, with the targets of the rows that they are evaluated on.

    ``validation_rows`` are the validation rows of all folds, one fold after another;
    ``holdout_rows`` are the same in each fold. ``in_time`` means that folds go forward in time:
    then the holdout is predicted by the last fold's models, which trained on the newest rows, else
    by the mean over the models of all folds.
    """

    folds: tuple[Fold, ...]
    validation_rows: EvalRows
    holdout_rows: EvalRows
    in_time: bool
    _subsamples: dict[tuple[int, int], Matrix] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        """Number of training rows of the last fold."""
        return len(self.folds[-1].train)

    @property
    def n_features(self) -> int:
        """Number of features of the last fold; other folds may have a few more or fewer."""
        return self.folds[-1].train.n_features

    @property
    def n_margins(self) -> int:
        """Margins of a row: one a class where there are more than two, else 1."""
        return self.folds[-1].train.classes

    def train_rows(self, fold: int, rows: int | None) -> Matrix:
        """Training rows of a fold, all or an evenly spread share of them; the same at each call.

        ``rows`` is the wanted number for the last fold; other folds give the same share of theirs.
        """
        train = self.folds[fold].train
        if rows is None or rows >= self.n_rows:
            return train
        if (fold, rows) not in self._subsamples:
            wanted = max(round(len(train) * rows / self.n_rows), 1)
            self._subsamples[fold, rows] = train.take(evenly_spread_rows(len(train), wanted))
        return self._subsamples[fold, rows]

    def last_fold_rows(self) -> slice:
        """The last fold's rows among ``validation_rows``."""
        n = len(self.validation_rows)
        return slice(n - len(self.folds[-1].validation), n)

    def first_loss(self, validation: Floats) -> float:
        """Mean loss on the first fold's validation rows.

        ``validation`` float64[m, k] are margins of validation rows, the first fold's first.
        """
        n = len(self.folds[0].validation)
        return self.validation_rows.take(np.arange(n)).mean_loss(validation[:n])

    def margins(self, fits: Sequence[Fit]) -> tuple[Floats, Floats]:
        """Margins of a model, given its fit for each fold: of validation and of holdout rows."""
        pairs = list(zip(fits, self.folds, strict=True))
        validation = [fit.margins(fold.validation.features) for fit, fold in pairs]
        first = len(pairs) - 1 if self.in_time else 0
        holdout = [fit.margins(fold.holdout) for fit, fold in pairs[first:]]
        return np.concatenate(validation), np.asarray(np.mean(holdout, axis=0))
