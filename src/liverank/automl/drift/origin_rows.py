"""Forward origins: moments in the past, with the rows before each and the block that follows it.

Invariant: the holdout rows are in no origin, so what is chosen at origins can be judged on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.recency import Recency
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.preprocessing.encoder import elapsed_name
from liverank.dataset.sampling import evenly_spread_rows

ORIGINS = 5
LEAST_ORIGINS = 3
_LEAST_ROWS = 1000
"""Fewest training rows of a table that is looked at; blocks of fewer say nothing."""
_STREAM = 31
"""Keeps these draws apart from those of a table that was itself drawn with the same seed."""
_MOST_ROWS, _MOST_LATER_ROWS = 8000, 4000


@dataclass(frozen=True, eq=False)
class OriginRows:
    """An encoded origin: ``train`` in the order of time, ``later`` the block that follows.

    ``train_numbers`` and ``later_numbers`` are the rows' numbers in the table; ``groups`` int64[n]
    are those of the training rows, None where each row is separate. ``time_feature`` is the name of
    the feature that is the rows' time, which only those read who ask for it.
    """

    train: Matrix
    later: Matrix
    later_rows: EvalRows
    train_numbers: NDArray[np.int64]
    later_numbers: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    time_feature: str

    def recent(
        self, recency: Recency, *, without: Sequence[str] = (), with_time: bool = False
    ) -> tuple[Matrix, Matrix]:
        """Training rows as ``recency`` takes them, and later rows, without some columns."""
        train = self.train
        if recency.history < 1:
            train = train.take(recency.newest(np.arange(len(train))))
        dropped = without if with_time else (*without, self.time_feature)
        return _narrow(recency.weighted(train), dropped), _narrow(self.later, dropped)

    def later_without_time(self) -> Matrix:
        """Later rows as those of ``recent`` are by default."""
        return _narrow(self.later, (self.time_feature,))

    def shuffled(self, seed: int) -> tuple[Matrix, Matrix]:
        """The training rows in two parts at random, groups whole: four fifths, and one fifth.

        Without the rows' time, as ``recent`` is.
        """
        groups = np.arange(len(self.train)) if self.groups is None else self.groups
        of_row = np.unique(groups, return_inverse=True)[1]
        is_held = (np.random.default_rng([seed, _STREAM]).random(int(of_row.max()) + 1) < 0.2)[
            of_row
        ]
        train = _narrow(self.train, (self.time_feature,))
        return train.take(~is_held), train.take(is_held)


def origins_of(data: TableData, deadline: Deadline) -> tuple[OriginRows, ...]:
    """The origins of a table, the oldest first; none where rows or the time are too few."""
    if data.split.kind != "chronological" or len(data.split.train) < _LEAST_ROWS:
        return ()
    origins = []
    time_feature = "" if data.time is None else elapsed_name(data.time)
    data = replace(data, time_as_number=data.time is not None)
    for fold in data.folds(ORIGINS):
        if deadline.expired():
            return ()
        thin = replace(
            fold,
            train=_spread(fold.train, _MOST_ROWS),
            validation=_spread(fold.validation, _MOST_LATER_ROWS),
        )
        _, train, later = data.encode_fold(thin)
        groups = None if data.groups is None else data.groups[thin.train]
        rows = data.eval_rows(thin.validation)
        origins.append(
            OriginRows(train, later, rows, thin.train, thin.validation, groups, time_feature)
        )
    return tuple(origins) if len(origins) >= LEAST_ORIGINS else ()


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows[evenly_spread_rows(len(rows), min(most, len(rows)))]


def _narrow(rows: Matrix, without: Sequence[str]) -> Matrix:
    if not set(without) & set(rows.names):
        return rows
    kept = [i for i, name in enumerate(rows.names) if name not in without]
    return replace(
        rows,
        features=np.ascontiguousarray(rows.features[:, kept]),
        names=tuple(rows.names[i] for i in kept),
        directions=tuple(rows.directions[i] for i in kept),
    )
