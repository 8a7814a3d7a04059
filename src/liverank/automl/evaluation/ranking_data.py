"""Rows of rankings, split by time: what a search for a model that ranks works on.

Features come as numbers, so folds are slices of the same rows and nothing is encoded or copied.
Invariant: a ranking is never divided, and what trains a fold was known before its newer part began.
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
"""Fewer rows are not split."""
LEAST_LISTS = 30
"""Lists with a success beside a failure, below which nothing goes by lists."""
CLASSES = ("no", "yes")
_MOST_GAP = 0.05
"""Of the time that the rows span: where labels take longer to be known, a gap that long is left."""
_FIRST_FOLD = 0.5
"""The oldest share of the rows that train, which earlier folds only train on."""
_LARGEST = np.float32(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class RankingData:
    """Rows of rankings in three blocks: the first ``fitted`` train, ``choose`` and ``judge`` do.

    ``rows`` holds finite numbers and NaN. Rows between those that train and those that choose are
    left out: their labels were not known when the newer ones were made.
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
        """How many rows the last training has."""
        return len(self.rows)

    @property
    def link(self) -> Link:
        """Margins are log-odds."""
        return "sigmoid"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Whether it was a success."""
        return CLASSES

    def encode_all(self) -> tuple[None, Matrix]:
        """All rows; there is no encoder."""
        return None, self.matrix(slice(None))

    @property
    def told_lists(self) -> int:
        """Lists that train and hold a success beside a failure: they say which item is better."""
        rows = self.rows.take(slice(0, self.n_train))
        offsets = list_offsets(rows.rankings)
        successes = np.add.reduceat(rows.labels.astype(np.int64), offsets[:-1])
        return int(np.count_nonzero((successes > 0) & (successes < np.diff(offsets))))

    def matrix(self, where: slice) -> Matrix:
        """Some rows, to train on."""
        return whole_matrix(self.rows.take(where))

    def eval_rows(self, *where: slice) -> EvalRows:
        """Stretches of rows, to choose or to judge by: rankings are drawn whole."""
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
        """The split's own fold, and before it as many as there are rows for, forward in time."""
        holdout = self.rows.features[self.holdout]
        parts = [*self._earlier(n_folds - 1), (self.n_train, self.validation)]
        folds = [
            Fold(self.matrix(slice(0, train)), self.matrix(validation), holdout)
            for train, validation in parts
        ]
        rows = self.eval_rows(*(validation for _, validation in parts))
        return CrossValidation(tuple(folds), rows, self.eval_rows(self.holdout), in_time=True)

    def _earlier(self, n_folds: int) -> list[tuple[int, slice]]:
        """Folds within the rows that train: the rows each trains on, and those it chooses by."""
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

    ``validation`` is the newest share: its older half chooses, its newer half judges. ``gap_ms`` is
    how long a label takes to be known.
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
    """All of some rows, to train on."""
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
    """The same rows with the largest numbers in place of infinities, which order rows alike.

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
