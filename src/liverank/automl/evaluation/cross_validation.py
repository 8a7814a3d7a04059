"""What models are tried on: folds to train and to choose on, and rows that judge.

Invariant: each fold's features were encoded by an encoder that saw no other rows than those it
trains on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.models.encoder.encoder import Encoder

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoldRows:
    """One fold: rows to train, rows to choose by, and the judging rows, all in its features.

    ``judge`` is float32[n, f]; ``encoder`` made the features, None where they came as numbers.
    """

    train: Matrix
    validation: Matrix
    holdout: NDArray[np.float32]
    encoder: Encoder | None = None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Folds; ``held`` are the choosing rows of all of them one after another, ``judged`` the rest.

    ``in_time`` says that folds go forward in time: then the last one's models judge, since they saw
    the newest rows, else all of them together.
    """

    folds: tuple[FoldRows, ...]
    held: EvalRows
    judged: EvalRows
    in_time: bool
    _thin: dict[tuple[int, int], Matrix] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        """Rows that the last fold trains on."""
        return len(self.folds[-1].train)

    @property
    def n_features(self) -> int:
        """Features of the last fold; others may differ a little."""
        return self.folds[-1].train.n_features

    @property
    def n_margins(self) -> int:
        """Margins of a row."""
        return self.folds[-1].train.classes

    def train_rows(self, fold: int, rows: int | None) -> Matrix:
        """Rows to train on, evenly thinned to ``rows`` of the last fold's; the same each time."""
        train = self.folds[fold].train
        if rows is None or rows >= self.n_rows:
            return train
        if (fold, rows) not in self._thin:
            wanted = max(round(len(train) * rows / self.n_rows), 1)
            self._thin[fold, rows] = train.take(thinned_places(len(train), wanted))
        return self._thin[fold, rows]

    def last_choose(self) -> slice:
        """Where the last fold's choosing rows stand among ``held``."""
        return slice(len(self.held) - len(self.folds[-1].validation), len(self.held))

    def first_loss(self, validation: Floats) -> float:
        """Mean loss on the first fold's choosing rows, of margins that begin with theirs."""
        n = len(self.folds[0].validation)
        return self.held.take(np.arange(n)).mean_loss(validation[:n])

    def margins(self, fits: Sequence[Fit]) -> tuple[Floats, Floats]:
        """Margins of a model, one fit a fold: of the choosing rows, and of the judging rows."""
        validation = [
            fit.margins(rows.validation.features)
            for fit, rows in zip(fits, self.folds, strict=True)
        ]
        last = len(fits) - 1 if self.in_time else 0
        holdout = [
            fit.margins(rows.holdout)
            for fit, rows in list(zip(fits, self.folds, strict=True))[last:]
        ]
        return np.concatenate(validation), np.asarray(np.mean(holdout, axis=0))


def thinned_places(n_rows: int, wanted: int) -> NDArray[np.int64]:
    """Places of ``wanted`` rows, evenly spread.

    >>> thinned_places(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.linspace(0, n_rows - 1, min(wanted, n_rows)).round().astype(np.int64)
