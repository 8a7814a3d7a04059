"""Which rows of a table train, which choose between models, and which judge the result.

By time where there is one, because a model is only ever asked about what comes next; by a column of
the user's where one is named; else at random, stratified by the target.
Invariant: no row is in two blocks and no group is; in a split by time every row of a newer block is
later than every row of an older one, by more than the gap, so equal times never straddle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.quantities import told_duration

RowNumbers: TypeAlias = NDArray[np.int64]
"""Numbers of rows: in order of time where the split is by time, else rising."""

TRAIN, VALIDATION, HOLDOUT, LEFT_OUT = 0, 1, 2, -1
"""What a manual split says of a row."""

_MOST_STRATA = 50
_FIRST_FOLD = 0.5
"""The oldest share of the rows, which forward folds only train on."""


@dataclass(frozen=True, eq=False)
class Split:
    """Three blocks of rows, how they came to be, and how many rows are in none of them."""

    kind: Literal["chronological", "manual", "random"]
    train: RowNumbers
    validation: RowNumbers
    holdout: RowNumbers
    left_out: int
    """Rows within a gap, of a group that goes on after a cut, without a time, or not assigned."""


@dataclass(frozen=True, eq=False)
class FoldSplit:
    """Rows to train on, and rows to measure on."""

    train: RowNumbers
    validation: RowNumbers


def split_by_time(
    at_ms: NDArray[np.float64],
    *,
    groups: NDArray[np.int64] | None = None,
    gap_ms: float = 0.0,
    validation: float = 0.2,
) -> Split:
    """Cut twice by time: the newest ``validation`` share chooses (its older half) and judges.

    ``at_ms`` is float64[n], NaN for rows without a time, which are left out. ``gap_ms`` is how long
    labels take to be known: rows that much before a cut are left out. A group belongs to the block
    in which it begins, and its rows beyond that are left out. Raises TrainingError when a block
    would be empty.

    >>> split = split_by_time(np.array([3.0, 1, 2, 2, 4, 5, 6, 7, 8, 9]), validation=0.4)
    >>> split.train.tolist(), split.validation.tolist(), split.holdout.tolist()
    ([1, 2, 3, 0, 4, 5], [6, 7], [8, 9])
    """
    _check_share(validation)
    order, begins = _in_time(at_ms, groups)
    moments, first = np.unique(begins, return_index=True)
    if len(moments) < 3:
        raise TrainingError(
            f"the time column holds {len(moments)} distinct moments at which rows or groups begin; "
            "a split by time needs 3: name another column, or split at random"
        )
    wanted = len(order) * np.array([1 - validation, 1 - validation / 2])
    chosen = int(np.clip(np.abs(first - wanted[0]).argmin(), 1, len(moments) - 2))
    judged = int(np.clip(np.abs(first - wanted[1]).argmin(), chosen + 1, len(moments) - 1))
    cuts = np.array([-np.inf, moments[chosen], moments[judged], np.inf])
    blocks = [
        _block(order, begins, at_ms, (cuts[i], cuts[i + 1]), 0.0 if i == 2 else gap_ms)
        for i in range(3)
    ]
    train, validation_rows, holdout_rows = blocks
    if not all(len(block) for block in blocks):
        raise TrainingError(
            f"a gap of {told_duration(gap_ms)} and groups that go on over a cut leave "
            f"{', '.join(str(len(block)) for block in blocks)} rows for training, validation and "
            "holdout; give a shorter gap, or no group"
        )
    left_out = len(at_ms) - sum(len(block) for block in blocks)
    return Split("chronological", train, validation_rows, holdout_rows, left_out)


def split_by_column(parts: NDArray[np.int8]) -> Split:
    """Use the blocks that a column names: int8[n] of FIT, CHOOSE, JUDGE and LEFT_OUT.

    Without rows to choose or without rows to judge, those of the other are dealt out in turn to
    both. Raises TrainingError when there are none to fit, or neither to choose nor to judge.

    >>> split_by_column(np.array([0, 0, 2, 2], np.int8)).validation.tolist()
    [2]
    """
    fit, validation, holdout = (
        np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, HOLDOUT)
    )
    held_out = np.sort(np.concatenate([validation, holdout]))
    if len(fit) == 0 or len(held_out) < 2:
        raise TrainingError(
            f"the split column gives {len(fit)} rows to train and {len(held_out)} to validate and "
            "test; each row says TRAIN, VALIDATE or TEST, and both kinds are needed"
        )
    if len(validation) == 0 or len(holdout) == 0:
        validation, holdout = held_out[::2], held_out[1::2]
    return Split("manual", fit, validation, holdout, left_out=int((parts == LEFT_OUT).sum()))


def split_at_random(
    strata: NDArray[np.float64],
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    validation: float = 0.2,
) -> Split:
    """Draw blocks in which the target is spread alike; ``strata`` (float64[n]) is the target.

    Raises TrainingError when a block would be empty.

    >>> split = split_at_random(np.repeat([0.0, 1.0], 50), seed=1)
    >>> len(split.train), len(split.validation), len(split.holdout)
    (80, 10, 10)
    >>> int((split.holdout < 50).sum())
    5
    """
    _check_share(validation)
    members = _groups_or_rows(groups, len(strata))
    dealt = _dealt_order(strata, members, seed)
    step = np.arange(len(dealt) + 1) * validation / 2
    # A unit is taken each time the running share passes a whole number, or a half.
    judges, chooses = (np.diff(np.floor(step + shift)) > 0 for shift in (0.0, 0.5))
    if not judges.any() or not chooses.any():  # a few large groups: one each
        dealt = np.random.default_rng(seed).permutation(dealt)
        judges, chooses = np.arange(len(dealt)) == 0, np.arange(len(dealt)) == 1
    blocks = []
    for taken in (~judges & ~chooses, chooses & ~judges, judges):
        of_unit = np.zeros(len(dealt), np.bool_)
        of_unit[dealt[taken]] = True
        blocks.append(np.flatnonzero(of_unit[members]))
    train, validation_rows, holdout_rows = blocks
    if not all(len(block) for block in blocks):
        raise TrainingError(
            f"{len(dealt)} rows or groups are too few to split three ways; give 3 or more, "
            "or a split column"
        )
    return Split("random", train, validation_rows, holdout_rows, left_out=0)


def forward_folds(
    at_ms: NDArray[np.float64],
    n_folds: int,
    *,
    groups: NDArray[np.int64] | None = None,
    gap_ms: float = 0.0,
) -> tuple[FoldSplit, ...]:
    """Train on the past, measure on what comes next, time after time; arguments as by time.

    The oldest half only trains; the rest is cut into ``n_folds`` stretches of about as many rows.
    There are fewer where equal times, groups or the gap leave one empty.

    >>> for fold in forward_folds(np.arange(8.0), 2):
    ...     print(fold.train, fold.validation)
    [0 1 2 3] [4 5]
    [0 1 2 3 4 5] [6 7]
    """
    order, begins = _in_time(at_ms, groups)
    moments, first = np.unique(begins, return_index=True)
    shares = _FIRST_FOLD + (1 - _FIRST_FOLD) * np.arange(n_folds) / n_folds
    nearest = np.abs(first[:, None] - shares * len(order)).argmin(axis=0) if len(order) else []
    cuts = [*np.unique(moments[nearest]), np.inf] if len(moments) else []
    folds = []
    for begin, end in pairwise(cuts):
        fit = _block(order, begins, at_ms, (-np.inf, begin), gap_ms)
        validation = _block(order, begins, at_ms, (begin, end), 0.0)
        if len(fit) and len(validation):
            folds.append(FoldSplit(fit, validation))
    return tuple(folds)


def random_folds(
    strata: NDArray[np.float64], n_folds: int, *, seed: int, groups: NDArray[np.int64] | None = None
) -> tuple[FoldSplit, ...]:
    """Measure on each n-th of the rows or groups in turn, training on the others.

    >>> [fold.validation.tolist() for fold in random_folds(np.array([0.0, 0, 1, 1]), 2, seed=0)]
    [[1, 3], [0, 2]]
    """
    part = fold_of_rows(strata, n_folds, seed=seed, groups=groups)
    return tuple(_folds_of(part, n_folds))


def fold_of_rows(
    strata: NDArray[np.float64], n_folds: int, *, seed: int, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The fold of each row, int64[n] from 0 to ``n_folds`` - 1; the target is spread alike."""
    members = _groups_or_rows(groups, len(strata))
    dealt = _dealt_order(strata, members, seed)
    part = np.empty(len(dealt), np.int64)
    part[dealt] = np.arange(len(dealt)) % n_folds
    return part[members]


def _folds_of(part: NDArray[np.int64], n_folds: int) -> Iterator[FoldSplit]:
    for fold in range(n_folds):
        fit, validation = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        if len(fit) and len(validation):
            yield FoldSplit(fit, validation)


def _in_time(
    at_ms: NDArray[np.float64], groups: NDArray[np.int64] | None
) -> tuple[RowNumbers, NDArray[np.float64]]:
    """Rows with a time by when their group begins, then by time; and when that is, rising."""
    known = np.flatnonzero(~np.isnan(at_ms))
    begins = at_ms[known]
    if groups is not None:
        _, members = np.unique(groups[known], return_inverse=True)
        first = np.full(members.max(initial=-1) + 1, np.inf)
        np.minimum.at(first, members, begins)
        begins = first[members]
    order = np.lexsort((at_ms[known], begins))
    return known[order], begins[order]


def _block(
    order: RowNumbers,
    begins: NDArray[np.float64],
    at_ms: NDArray[np.float64],
    span: tuple[float, float],
    gap_ms: float,
) -> RowNumbers:
    """Rows whose group begins within the span (end excluded), and that are over before its end."""
    inside = order[np.searchsorted(begins, span[0]) : np.searchsorted(begins, span[1])]
    if span[1] < np.inf:
        inside = inside[at_ms[inside] < span[1] - gap_ms]
    return inside[np.argsort(at_ms[inside], kind="stable")]


def _groups_or_rows(groups: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    """The unit that each row belongs to, numbered from 0."""
    if groups is None:
        return np.arange(n)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _dealt_order(strata: NDArray[np.float64], members: NDArray[np.int64], seed: int) -> RowNumbers:
    """Units in an order in which neighbours are alike in size and target, so dealing is fair."""
    sizes = np.bincount(members)
    means = np.bincount(members, weights=np.nan_to_num(strata)) / np.maximum(sizes, 1)
    strata_of_units, ranks = np.unique(means, return_inverse=True)
    if len(strata_of_units) > _MOST_STRATA:  # else no two would be alike, and nothing be drawn
        means = np.floor(ranks * _MOST_STRATA / len(strata_of_units))
    draw = np.random.default_rng(seed).random(len(sizes))
    magnitude = np.floor(np.log2(np.maximum(sizes, 1)))
    return np.lexsort((draw, means, magnitude)).astype(np.int64)


def _check_share(validation: float) -> None:
    if not 0 < validation <= 0.5:
        raise TrainingError(
            f"the share that validates is {validation}; expected a number above 0 and up to 0.5"
        )
