"""Target means of levels in which no training row sees its own target.

With times, a row is given what was known before it: the rows of earlier moments, less the gap in
which labels are not known yet. Without, it is given what the other folds say.
Invariant: a row's means are those of an encoder fitted on the rows that it may see; the rest is
speed. The plain definition is in the tests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VisibleRows:
    """Which training rows a training row may see: those of other folds, or of earlier moments.

    ``folds`` is int64[n], or ``moments`` (int64[n], ranks of times) and ``horizon`` (int64[n]): a
    row sees those whose moment is below its horizon.
    """

    folds: Codes | None = None
    moments: Codes | None = None
    horizon: Codes | None = None

    @property
    def is_in_time(self) -> bool:
        """Whether rows see earlier ones, rather than other folds."""
        return self.moments is not None


@dataclass(frozen=True, eq=False)
class Statistics:
    """Rows, their weight (float64[m] each) and their weighted targets (float64[m, k])."""

    rows: Floats
    weights: Floats
    sums: Floats

    def take(self, places: NDArray[np.int64]) -> "Statistics":
        """Those of the places."""
        return Statistics(self.rows[places], self.weights[places], self.sums[places])

    def forget(self, which: NDArray[np.bool_]) -> "Statistics":
        """The same, but for those of a mask as if never seen."""
        return Statistics(
            np.where(which, 0.0, self.rows),
            np.where(which, 0.0, self.weights),
            np.where(which[:, None], 0.0, self.sums),
        )


def earlier_rows(at_ms: Floats, gap_ms: float) -> VisibleRows:
    """Rows see those that are earlier by more than the gap.

    >>> earlier_rows(np.array([5.0, 1.0, 5.0, 9.0]), 0.0).horizon.tolist()
    [1, 0, 1, 2]
    """
    times, moments = np.unique(at_ms, return_inverse=True)
    horizon = np.searchsorted(times, at_ms - gap_ms, side="left")
    return VisibleRows(moments=moments.astype(np.int64), horizon=horizon.astype(np.int64))


def all_statistics(
    codes: Codes, n_codes: int, target: Floats, weight: Floats, rows: Codes
) -> Statistics:
    """Statistics of each code, 0 to ``n_codes`` - 1, over all pairs; ``rows`` are the pairs' rows.

    ``target`` is float64[n, k] and ``weight`` float64[n], of rows.
    """
    columns = _summands(target, weight, rows).T
    sums = np.empty((n_codes, len(columns)))
    for place, column in enumerate(columns):
        sums[:, place] = np.bincount(codes, column, n_codes)
    return Statistics(sums[:, 0], sums[:, 1], sums[:, 2:])


def seen_statistics(
    codes: Codes, n_codes: int, target: Floats, weight: Floats, rows: Codes, sight: VisibleRows
) -> Statistics:
    """What each pair's row may see of its code: the statistics of m pairs of a row and a code.

    >>> codes, rows = np.array([0, 0, 1]), np.arange(3)
    >>> sight = earlier_rows(np.array([1.0, 2.0, 3.0]), 0.0)
    >>> one = np.ones(3)
    >>> seen_statistics(codes, 2, one[:, None], one, rows, sight).rows.tolist()
    [0.0, 1.0, 0.0]
    """
    summands = _summands(target, weight, rows)
    if sight.folds is not None:
        seen = _of_other_folds(codes, n_codes, summands, sight.folds[rows])
    else:
        assert sight.moments is not None
        assert sight.horizon is not None
        seen = _of_earlier(codes, summands, sight.moments[rows], sight.horizon[rows])
    return Statistics(seen[:, 0], seen[:, 1], seen[:, 2:])


def means_above(
    of_code: Statistics, of_all: Statistics, *, smoothing: float, least: int
) -> tuple[Floats, Floats]:
    """How far each code's mean is above that of all (float64[m, k]), and its share of the rows.

    The mean is drawn towards that of all as ``smoothing`` rows would (Micci-Barreca, 2001). It is
    told as a difference, because a target that grows over time would else give old rows other
    values than new ones. A code seen fewer than ``least`` times is as one never seen: both are 0.
    NaN where nothing was seen at all.

    >>> one, nine = np.ones(1), 9 * np.ones(1)
    >>> of_code = Statistics(one, one, one[:, None])
    >>> of_all = Statistics(nine, nine, np.zeros((1, 1)))
    >>> means_above(of_code, of_all, smoothing=1.0, least=1)[0].tolist()
    [[0.5]]
    """
    of_code = of_code.forget(of_code.rows < least)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = of_all.sums / of_all.weights[:, None]
        above = of_code.sums - of_code.weights[:, None] * mean
        shares = of_code.rows / of_all.rows
    return above / (of_code.weights + smoothing)[:, None], shares


def _summands(target: Floats, weight: Floats, rows: Codes) -> Floats:
    """Of each pair 1, its row's weight, and its row's weighted target: float64[m, 2 + k]."""
    w = weight[rows]
    return np.column_stack([np.ones(len(rows)), w, *(w * column[rows] for column in target.T)])


def _of_other_folds(codes: Codes, n_codes: int, summands: Floats, folds: Codes) -> Floats:
    n_folds = int(folds.max(initial=0)) + 1
    cell = folds * n_codes + codes
    seen = np.empty_like(summands)
    for place, column in enumerate(summands.T):
        sums = np.bincount(cell, column, n_folds * n_codes).reshape(n_folds, n_codes)
        # The sum of the others, not all less one's own: no rounding lets a row's own through.
        others = np.stack([np.delete(sums, fold, axis=0).sum(axis=0) for fold in range(n_folds)])
        seen[:, place] = others[folds, codes]
    return seen


def _of_earlier(codes: Codes, summands: Floats, moments: Codes, horizon: Codes) -> Floats:
    width = int(max(moments.max(initial=0), horizon.max(initial=0))) + 1
    order = np.lexsort((moments, codes))
    keys = (codes * width + moments)[order]
    begin = np.searchsorted(codes[order], codes, side="left")
    end = np.searchsorted(keys, codes * width + horizon, side="left")
    seen = np.empty_like(summands)
    for place, column in enumerate(summands.T):
        running = np.concatenate([[0.0], np.cumsum(column[order])])
        seen[:, place] = running[end] - running[begin]
    return seen
