"""Finds the fewest features that rank as well as all of them, before the search for a model.

One quick forest screens the features: those with the least gain are dropped. Then forests are
trained on chronological folds with fewer and fewer of the rest; the smallest number of features
whose log-loss and NDCG stay within the noise of those folds is kept. A model that reads fewer
features is trained and served faster and learns less noise.
Invariant: the features that are kept depend on the rows, the seed and, where time is short, on the
number of counts that there was time to try.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.evaluation.ranking_data import split_lists
from liverank.automl.families import lightgbm
from liverank.automl.trials.feature_count import FeatureCountTrial
from liverank.dataset.metrics import ndcg_at
from liverank.dataset.rows import Rows, list_offsets

SCREENED = 96
"""Number of features that are left after screening."""
COUNTS = (84, 74, 66)
"""Numbers of features that are tried, from many to few."""
FOLDS = 2
_TOP = 10
_NOISE = 0.25
"""Number of standard errors by which fewer features may be worse than all of them."""
_MOST_ROWS = 60_000
_SCREEN_ROWS, _SCREEN_ROUNDS = 60_000, 100
_ROUNDS = 70
_PARAMS = {
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 150,
    "lambda_l2": 10.0,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
}
"""Parameters of small trees, each on a part of the features: the best on most logs of rankings."""


class Knee(NamedTuple):
    """The features to keep, bool[f], and the numbers of features that were tried."""

    kept: NDArray[np.bool_]
    tried: tuple[FeatureCountTrial, ...]


class _Result(NamedTuple):
    """Log-loss and NDCG of a forest by list, float64[lists], and the gains of its features."""

    log_loss: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    gains: NDArray[np.float64]


def fewest_features(
    rows: Rows,
    *,
    validation: float,
    gap_ms: float,
    seed: int,
    deadline: Deadline,
) -> Knee:
    """Find the features to keep; all of them where rows or time are few.

    ``validation`` is the newest share of the rows; its newer half, the holdout rows, is not read.
    """
    everything = kept = np.ones(len(rows.names), np.bool_)
    counts = [count for count in COUNTS if count < len(rows.names)]
    some = rows.take(slice(max(len(rows) - _MOST_ROWS, 0), None))
    lists = split_lists(some, validation=validation, gap_ms=gap_ms)
    if lists is None or not counts:
        return Knee(kept, ())
    if len(kept) > SCREENED:
        train = lists.matrix(slice(max(lists.n_train - _SCREEN_ROWS, 0), lists.n_train))
        fit = _quick(train, seed, deadline, _SCREEN_ROUNDS)
        if fit.out_of_time:
            return Knee(everything, ())
        kept = _best(fit.gains, SCREENED)
    search = _Search(lists.evaluation(FOLDS), seed, deadline)
    whole = search.result(kept)
    if whole is None:
        return Knee(kept, ())
    gains = whole.gains
    low, high = 0, len(counts)
    while low < high:  # fewer features are never better, so halve the counts that are left
        middle = (low + high) // 2
        chosen = _best(gains, counts[middle])
        fewer = search.result(chosen)
        if fewer is None:
            break
        if search.compare(counts[middle], fewer, whole):
            kept, low = chosen, middle + 1
            gains = np.where(chosen, fewer.gains, 0.0)
        else:
            high = middle
    return Knee(kept, tuple(search.tried))


class _Search:
    """Runs forests on the same folds, and compares them."""

    def __init__(self, evaluation: CrossValidation, seed: int, deadline: Deadline) -> None:
        self.tried: list[FeatureCountTrial] = []
        self._evaluation = evaluation
        self._seed, self._deadline = seed, deadline
        validation_rows = evaluation.validation_rows
        assert validation_rows.groups is not None
        self._offsets = list_offsets(validation_rows.groups)
        self._labels = validation_rows.target.astype(np.uint8)

    def result(self, kept: NDArray[np.bool_]) -> _Result | None:
        """The result of a forest on these features; None where time ran out."""
        margins, gains = [], np.zeros(len(kept))
        columns = np.flatnonzero(kept)
        for fold in self._evaluation.folds:
            if self._deadline.expired():
                return None
            train = _only(fold.train, columns)
            fit = _quick(train, self._seed, self._deadline, _ROUNDS)
            if fit.out_of_time:
                return None
            gains[columns] += fit.gains
            margins.append(fit.margins(np.ascontiguousarray(fold.validation.features[:, columns])))
        both = np.concatenate(margins)
        losses = np.add.reduceat(
            self._evaluation.validation_rows.row_losses(both), self._offsets[:-1]
        )
        # lists are compared as they would be served: as if every item were at the first position
        ndcg = ndcg_at(_TOP, both[:, 0], self._labels, self._offsets)
        return _Result(losses, ndcg, gains)

    def compare(self, count: int, fewer: _Result, whole: _Result) -> bool:
        """Whether this number of features is as good as all of them; records the comparison."""
        worse = fewer.log_loss - whole.log_loss
        lost = (whole.ndcg - fewer.ndcg)[~np.isnan(whole.ndcg)]
        is_enough = _is_noise(worse) and _is_noise(lost)
        n_rows = len(self._labels)
        self.tried.append(
            FeatureCountTrial(
                features=count,
                log_loss=round(float(worse.sum() / n_rows), 6),
                ndcg=round(float(-lost.mean()) if len(lost) else 0.0, 6),
                is_enough=is_enough,
            )
        )
        return is_enough


def _quick(train: Matrix, seed: int, deadline: Deadline, rounds: int) -> Fit:
    """A forest that takes a second or so.

    One thread: in so short a training, several would mostly wait for each other on a busy machine.
    """
    return lightgbm.fit(
        train, None, _PARAMS, seed=seed, n_threads=1, deadline=deadline, rounds=rounds
    )


def _only(matrix: Matrix, columns: NDArray[np.int64]) -> Matrix:
    """The same rows with some of the features."""
    return replace(
        matrix,
        features=np.ascontiguousarray(matrix.features[:, columns]),
        names=tuple(matrix.names[column] for column in columns.tolist()),
        directions=tuple(matrix.directions[column] for column in columns.tolist()),
    )


def _is_noise(worse: NDArray[np.float64]) -> bool:
    """Whether the mean loss of fewer features, by list, is within the noise of the lists."""
    if len(worse) < 2:
        return True
    return float(worse.mean()) <= _NOISE * float(worse.std(ddof=1)) / math.sqrt(len(worse))


def _best(gains: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """The features with the most gain, bool[f]."""
    kept = np.zeros(len(gains), np.bool_)
    kept[np.argsort(-gains, kind="stable")[:count]] = True
    return kept
