"""Target encoding in which no training row sees its own target.

With times, a row's means come from rows that are earlier by more than the gap in which labels
become known. Without times, they come from the other folds.
Invariant: a row's means are those of an encoder fitted on the rows visible to it; the code here is
a fast way to compute them. The plain definition is in the tests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VisibleRows:
    """Which training rows a training row may see: those of other folds, or earlier ones.

    Either ``folds`` int64[n], or both ``time_ranks`` int64[n] and ``horizon`` int64[n]: a row sees
    the rows whose time rank is below its horizon.
    """

    folds: Codes | None = None
    time_ranks: Codes | None = None
    horizon: Codes | None = None

    @property
    def is_in_time(self) -> bool:
        """Whether rows see earlier ones, rather than other folds."""
        return self.time_ranks is not None


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sums over the rows of each of m codes, or of each of m pairs of a row and a code.

    Number of rows float64[m], weights float64[m], weighted targets float64[m, k].
    """

    rows: Floats
    weights: Floats
    sums: Floats

    def take(self, indices: NDArray[np.int64]) -> "Statistics":
        """The entries with these indices."""
        return Statistics(self.rows[indices], self.weights[indices], self.sums[indices])

    def forget(self, which: NDArray[np.bool_]) -> "Statistics":
        """The same, with zeros in the entries of a mask: as if these had never been seen."""
        return Statistics(
            np.where(which, 0.0, self.rows),
            np.where(which, 0.0, self.weights),
            np.where(which[:, None], 0.0, self.sums),
        )


def earlier_rows(at_ms: Floats, gap_ms: float) -> VisibleRows:
    """Each row sees the rows that are earlier by more than the gap.

    >>> earlier_rows(np.array([5.0, 1.0, 5.0, 9.0]), 0.0).horizon.tolist()
    [1, 0, 1, 2]
    """
    times, time_ranks = np.unique(at_ms, return_inverse=True)
    horizon = np.searchsorted(times, at_ms - gap_ms, side="left")
    return VisibleRows(time_ranks=time_ranks.astype(np.int64), horizon=horizon.astype(np.int64))


def all_statistics(
    codes: Codes, n_codes: int, target: Floats, weight: Floats, rows: Codes
) -> Statistics:
    """Statistics of each code, 0 to ``n_codes`` - 1, over m pairs of a row and a code.

    ``codes`` and ``rows`` are int64[m]; ``target`` float64[n, k] and ``weight`` float64[n] are of
    the n rows.
    """
    columns = _summands(target, weight, rows).T
    sums = np.empty((n_codes, len(columns)))
    for number, column in enumerate(columns):
        sums[:, number] = np.bincount(codes, column, n_codes)
    return Statistics(sums[:, 0], sums[:, 1], sums[:, 2:])


def visible_statistics(
    codes: Codes, n_codes: int, target: Floats, weight: Floats, rows: Codes, visible: VisibleRows
) -> Statistics:
    """Statistics of each pair's code over the rows visible to the pair's row: m entries.

    >>> codes, rows = np.array([0, 0, 1]), np.arange(3)
    >>> visible = earlier_rows(np.array([1.0, 2.0, 3.0]), 0.0)
    >>> one = np.ones(3)
    >>> visible_statistics(codes, 2, one[:, None], one, rows, visible).rows.tolist()
    [0.0, 1.0, 0.0]
    """
    summands = _summands(target, weight, rows)
    if visible.folds is not None:
        seen = _over_other_folds(codes, n_codes, summands, visible.folds[rows])
    else:
        assert visible.time_ranks is not None
        assert visible.horizon is not None
        seen = _over_earlier_rows(codes, summands, visible.time_ranks[rows], visible.horizon[rows])
    return Statistics(seen[:, 0], seen[:, 1], seen[:, 2:])


def mean_differences(
    of_code: Statistics, of_all: Statistics, *, smoothing: float, least: int
) -> tuple[Floats, Floats]:
    """Each code's mean minus the overall mean (float64[m, k]), and its share of rows (float64[m]).

    The mean is smoothed towards the overall mean, by ``smoothing`` rows (Micci-Barreca, 2001).
    It is a difference, because with a target that grows over time the means themselves would
    give old rows other values than new ones. A code with fewer than ``least`` rows is treated as
    never seen: both are 0. NaN where no row at all was seen.

    >>> one, nine = np.ones(1), 9 * np.ones(1)
    >>> of_code = Statistics(one, one, one[:, None])
    >>> of_all = Statistics(nine, nine, np.zeros((1, 1)))
    >>> mean_differences(of_code, of_all, smoothing=1.0, least=1)[0].tolist()
    [[0.5]]
    """
    of_code = of_code.forget(of_code.rows < least)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = of_all.sums / of_all.weights[:, None]
        above = of_code.sums - of_code.weights[:, None] * mean
        shares = of_code.rows / of_all.rows
    return above / (of_code.weights + smoothing)[:, None], shares


def _summands(target: Floats, weight: Floats, rows: Codes) -> Floats:
    """For each pair 1, its row's weight, and its row's weighted target: float64[m, 2 + k]."""
    w = weight[rows]
    return np.column_stack([np.ones(len(rows)), w, *(w * column[rows] for column in target.T)])


def _over_other_folds(codes: Codes, n_codes: int, summands: Floats, folds: Codes) -> Floats:
    n_folds = int(folds.max(initial=0)) + 1
    cell = folds * n_codes + codes
    seen = np.empty_like(summands)
    for number, column in enumerate(summands.T):
        sums = np.bincount(cell, column, n_folds * n_codes).reshape(n_folds, n_codes)
        # Other folds are added up, not subtracted from the total: rounding of a difference would
        # let a part of a row's own target through.
        others = np.stack([np.delete(sums, fold, axis=0).sum(axis=0) for fold in range(n_folds)])
        seen[:, number] = others[folds, codes]
    return seen


def _over_earlier_rows(codes: Codes, summands: Floats, time_ranks: Codes, horizon: Codes) -> Floats:
    width = int(max(time_ranks.max(initial=0), horizon.max(initial=0))) + 1
    order = np.lexsort((time_ranks, codes))
    keys = (codes * width + time_ranks)[order]
    begin = np.searchsorted(codes[order], codes, side="left")
    end = np.searchsorted(keys, codes * width + horizon, side="left")
    seen = np.empty_like(summands)
    for number, column in enumerate(summands.T):
        running = np.concatenate([[0.0], np.cumsum(column[order])])
        seen[:, number] = running[end] - running[begin]
    return seen
