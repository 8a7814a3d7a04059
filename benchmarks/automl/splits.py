"""Which rows are held back to judge by: the newest where rows have a time, else some at random.

Invariant: a group is never divided, and with a time no row that is learned from is as late as any
that judges.
"""

import numpy as np
from numpy.typing import NDArray

NEWEST = 0.2
"""Share of the rows that judge, with a time."""
DRAWN = 0.25
"""Share of the rows that judge, without."""
_STRATA = 20


def split_newest(
    at_ms: NDArray[np.float64], groups: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to judge by, both in the order of time.

    Judges are the rows from the moment on that leaves about a fifth of them; of groups, those that
    begin from it on. Rows of older groups that go on beyond it are in neither.

    >>> learn, judge = split_newest(np.array([5.0, 1, 2, 3, 4]), None)
    >>> learn.tolist(), judge.tolist()
    ([1, 2, 3, 4], [0])
    """
    begins = at_ms if groups is None else _first_of_group(at_ms, groups)
    order = np.argsort(at_ms, kind="stable")
    moments, counts = np.unique(begins, return_counts=True)
    later = np.cumsum(counts[::-1])[::-1]
    cut = moments[1:][np.argmin(np.abs(later[1:] - NEWEST * len(at_ms)))]
    learns, judges = (begins < cut) & (at_ms < cut), begins >= cut
    return order[learns[order]], order[judges[order]]


def split_drawn(
    target: NDArray[np.float64], groups: NDArray[np.int64] | None, *, classes: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to judge by, both in the order of the table.

    Each class gives a quarter of its rows, values each twentieth of them; groups are whole.

    >>> learn, judge = split_drawn(np.array([0.0, 1] * 8), None, classes=2, seed=0)
    >>> len(learn), len(judge), int(np.array([0.0, 1] * 8)[judge].sum())
    (12, 4, 2)
    """
    generator = np.random.default_rng(seed)
    n = len(target)
    if groups is None:
        strata = target.astype(np.int64) if classes else _ranks(target) * _STRATA // n
        drawn = generator.permutation(n)
        drawn = drawn[np.argsort(strata[drawn], kind="stable")]
        _, starts, counts = np.unique(strata[drawn], return_index=True, return_counts=True)
        place = np.arange(n) - np.repeat(starts, counts)
        # half a row up, so that small classes give their share on average
        judges = np.zeros(n, bool)
        judges[drawn[place < np.repeat(np.floor(counts * DRAWN + 0.5), counts)]] = True
    else:
        _, codes = np.unique(groups, return_inverse=True)
        drawn = generator.permutation(int(codes.max()) + 1)
        upto = np.cumsum(np.bincount(codes)[drawn])
        judges = np.isin(codes, drawn[upto <= DRAWN * n])
    return np.flatnonzero(~judges), np.flatnonzero(judges)


def _first_of_group(at_ms: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """When the group of each row begins."""
    _, codes = np.unique(groups, return_inverse=True)
    first = np.full(int(codes.max()) + 1, np.inf)
    np.minimum.at(first, codes, at_ms)
    return first[codes]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")
