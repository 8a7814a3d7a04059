"""Rows of rankings, split by time, and the folds that ranking models are searched on.

Features come as numbers, so folds are slices of the same rows; nothing is encoded or copied.
Invariant: a ranking is never divided, and the labels of a fold's training rows were known before
its validation rows began.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from liverank.automl.data.matrix import Matrix
from liverank.automl.evaluation.cross_validation import CrossValidation, Fold
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.objective import find_objective
from liverank.dataset.rows import Rows, list_offsets
from liverank.dataset.split import known_before, newest_from
from liverank.models.predictor import Link

LEAST_ROWS = 50
"""Fewest rows that are split."""
LEAST_LISTS = 30
"""Fewest lists with both a success and a failure that a list loss is trained on."""
CLASSES = ("no", "yes")
_MOST_GAP = 0.05
"""Longest gap between blocks, as a share of the time that the rows span."""
_FIRST_FOLD = 0.5
"""Oldest share of the training rows, which no earlier fold validates on."""
_LARGEST = np.float32(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class RankingData:
    """Rows of rankings in three blocks: the first ``n_train``, ``validation`` and ``holdout``.

    ``rows`` holds finite numbers and NaN. Rows between the training and the validation block are
    left out: their labels were not yet known when the validation rows were made.
    """

    rows: Rows
    n_train: int
    validation: slice
    holdout: slice
    gap_ms: float

    @property
    def kind(self) -> str:
        """How the rows are split."""
        return "chronological"

    @property
    def n_all(self) -> int:
        """Number of rows of the refit."""
        return len(self.rows)

    @property
    def link(self) -> Link:
        """Margins are log-odds."""
        return "sigmoid"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of failure and success."""
        return CLASSES

    def encode_all(self) -> tuple[None, Matrix]:
        """All rows; there is no encoder."""
        return None, self.matrix(slice(None))

    @property
    def informative_lists(self) -> int:
        """Number of training lists with both a success and a failure, which order their items."""
        rows = self.rows.take(slice(0, self.n_train))
        offsets = list_offsets(rows.rankings)
        successes = np.add.reduceat(rows.labels.astype(np.int64), offsets[:-1])
        return int(np.count_nonzero((successes > 0) & (successes < np.diff(offsets))))

    def matrix(self, where: slice) -> Matrix:
        """Some of the rows, to train on."""
        return whole_matrix(self.rows.take(where))

    def eval_rows(self, *where: slice) -> EvalRows:
        """Slices of rows, to evaluate on; each ranking is a group."""
        labels = np.concatenate([self.rows.labels[part] for part in where])
        base = self.rows.base
        return EvalRows(
            target=labels.astype(np.float64),
            weight=None,
            groups=np.concatenate([self.rows.rankings[part] for part in where]),
            objective=find_objective(None, "binary"),
            link=self.link,
            base=None if base is None else np.concatenate([base[part] for part in where]),
        )

    def evaluation(self, n_folds: int) -> CrossValidation:
        """The split as the last fold, and up to ``n_folds`` - 1 earlier ones, forward in time."""
        holdout = self.rows.features[self.holdout]
        parts = [*self._earlier(n_folds - 1), (self.n_train, self.validation)]
        folds = [
            Fold(self.matrix(slice(0, train)), self.matrix(validation), holdout)
            for train, validation in parts
        ]
        rows = self.eval_rows(*(validation for _, validation in parts))
        return CrossValidation(tuple(folds), rows, self.eval_rows(self.holdout), in_time=True)

    def _earlier(self, n_folds: int) -> list[tuple[int, slice]]:
        """Folds within the training block: number of training rows, and validation rows."""
        if n_folds < 1:
            return []
        train = self.rows.take(slice(0, self.n_train))
        shares = _FIRST_FOLD * (1 - np.arange(n_folds) / n_folds)
        cuts = sorted({newest_from(train, share) for share in shares.tolist()} - {self.n_train})
        return [
            (known, slice(begin, end))
            for begin, end in pairwise([*cuts, self.n_train])
            if (known := known_before(train, begin, self.gap_ms))
        ]


def split_lists(rows: Rows, *, validation: float, gap_ms: float = 0.0) -> RankingData | None:
    """Split rows by time; None where they are few, or a block lacks successes or failures.

    ``validation`` is the share of the newest rows, of which the older half is the validation block
    and the newer half the holdout. ``gap_ms`` is how long a label takes to become known.
    """
    rows = finite_rows(rows)
    if len(rows) < LEAST_ROWS:
        return None
    first = newest_from(rows, validation)
    newer = rows.take(slice(first, None))
    if len(newer) == 0:
        return None
    second = first + newest_from(newer, 0.5)
    gap_ms = min(gap_ms, _MOST_GAP * float(rows.at_ms[-1] - rows.at_ms[0]))
    train = known_before(rows, first, gap_ms)
    blocks = slice(0, train), slice(first, second), slice(second, len(rows))
    if not all(0 < rows.take(block).positives < len(rows.take(block)) for block in blocks):
        return None
    return RankingData(rows, train, blocks[1], blocks[2], gap_ms)


def whole_matrix(rows: Rows) -> Matrix:
    """Rows as a matrix to train on, copying nothing."""
    return Matrix(
        features=rows.features,
        target=rows.labels.astype(np.float64),
        weight=None,
        names=rows.names,
        directions=rows.directions or (0,) * len(rows.names),
        task="binary",
        base=rows.base,
        lists=rows.rankings,
    )


def finite_rows(rows: Rows) -> Rows:
    """The same rows with the largest float32 in place of infinity: the order of rows is kept.

    >>> rows = Rows(
    ...     features=np.array([[np.inf], [np.nan]], np.float32),
    ...     labels=np.zeros(2, np.uint8),
    ...     rankings=np.arange(2),
    ...     at_ms=np.arange(2),
    ...     names=("x",),
    ... )
    >>> np.isinf(finite_rows(rows).features).any()
    np.False_
    """
    if not np.isinf(rows.features).any():
        return rows
    return replace(rows, features=np.clip(rows.features, -_LARGEST, _LARGEST))
