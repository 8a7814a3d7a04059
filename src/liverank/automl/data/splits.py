"""Splits the rows of a table into training, validation and holdout blocks, and into folds.

By time where there is one, because a model in use predicts the future; by a split column where the
user names one; else at random, stratified by the target.
Invariant: no row and no group is in two blocks. In a split by time every row of a newer block is
later than every row of an older one, by more than the gap, so equal times are never in two blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.rows_left import RowsLeft, too_few_times
from liverank.errors import TrainingError

RowNumbers: TypeAlias = NDArray[np.int64]
"""int64[n]: row numbers, in order of time where the split is by time, else ascending."""

TRAIN, VALIDATION, HOLDOUT, LEFT_OUT = 0, 1, 2, -1
"""The block of a row in a split by column."""

_MOST_STRATA = 50
_FIRST_FOLD, _LEAST_FIRST_FOLD = 0.5, 0.2
"""Oldest share of the rows, which no forward fold validates on; and the least of it where the size
of the parts is given."""


@dataclass(frozen=True, eq=False)
class Split:
    """Three blocks of rows, the kind of split, and the number of rows in no block."""

    kind: Literal["chronological", "manual", "random"]
    train: RowNumbers
    validation: RowNumbers
    holdout: RowNumbers
    left_out: int
    """Rows in a gap, after the end of their group's block, without a time, or not assigned."""
    in_gap: int = 0
    of_groups: int = 0
    """Of these, rows in a gap, and rows after the end of their group's block."""

    @property
    def rows_left(self) -> RowsLeft:
        """What cuts in time leave of each block."""
        train, validation, holdout = map(len, (self.train, self.validation, self.holdout))
        return RowsLeft(train, validation, holdout, self.in_gap, self.of_groups)


@dataclass(frozen=True, eq=False)
class FoldSplit:
    """Row numbers of one fold: rows to train on, and rows to validate on."""

    train: RowNumbers
    validation: RowNumbers


def split_by_time(
    at_ms: NDArray[np.float64],
    *,
    groups: NDArray[np.int64] | None = None,
    gap_ms: float = 0.0,
    validation: float = 0.2,
) -> Split:
    """Cut twice by time: of the newest ``validation`` share, the newer half is the holdout.

    ``at_ms`` is float64[n], NaN for rows without a time, which are left out. ``gap_ms`` is how long
    labels take to become known: rows within that time before a cut are left out. A group belongs to
    the block in which it begins; its rows after that block are left out. Raises TrainingError when
    a block would be empty.

    >>> split = split_by_time(np.array([3.0, 1, 2, 2, 4, 5, 6, 7, 8, 9]), validation=0.4)
    >>> split.train.tolist(), split.validation.tolist(), split.holdout.tolist()
    ([1, 2, 3, 0, 4, 5], [6, 7], [8, 9])
    """
    _check_share(validation)
    order, begins = _in_time(at_ms, groups)
    times, first = np.unique(begins, return_index=True)
    if len(times) < 3:
        raise too_few_times(len(times), has_groups=groups is not None)
    wanted = len(order) * np.array([1 - validation, 1 - validation / 2])
    validation_cut = int(np.clip(np.abs(first - wanted[0]).argmin(), 1, len(times) - 2))
    holdout_cut = int(
        np.clip(np.abs(first - wanted[1]).argmin(), validation_cut + 1, len(times) - 1)
    )
    cuts = np.array([-np.inf, times[validation_cut], times[holdout_cut], np.inf])
    blocks = [
        _block(order, begins, at_ms, (cuts[i], cuts[i + 1]), 0.0 if i == 2 else gap_ms)
        for i in range(3)
    ]
    train, validation_rows, holdout_rows = blocks
    kept = sum(len(block) for block in blocks)
    before_gap = sum(
        len(_block(order, begins, at_ms, span, 0.0)) for span in pairwise(cuts.tolist())
    )
    split = Split(
        "chronological",
        train,
        validation_rows,
        holdout_rows,
        left_out=len(at_ms) - kept,
        in_gap=before_gap - kept,
        of_groups=len(order) - before_gap,
    )
    if not all(len(block) for block in blocks):
        raise TrainingError(split.rows_left.message(gap_ms))
    return split


def split_by_column(parts: NDArray[np.int8]) -> Split:
    """Use the blocks of a split column: int8[n] of TRAIN, VALIDATION, HOLDOUT and LEFT_OUT.

    If the validation or the holdout block is empty, the rows of the other one are given to both in
    turn. Raises TrainingError without training rows, or with fewer than 2 rows in the other blocks.

    >>> split_by_column(np.array([0, 0, 2, 2], np.int8)).validation.tolist()
    [2]
    """
    train, validation, holdout = (
        np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, HOLDOUT)
    )
    held_out = np.sort(np.concatenate([validation, holdout]))
    if len(train) == 0 or len(held_out) < 2:
        raise TrainingError(
            f"the split column gives {len(train)} rows to train and {len(held_out)} to validate "
            "and test; each row needs TRAIN, VALIDATE or TEST, and both kinds are needed"
        )
    if len(validation) == 0 or len(holdout) == 0:
        validation, holdout = held_out[::2], held_out[1::2]
    return Split("manual", train, validation, holdout, left_out=int((parts == LEFT_OUT).sum()))


def split_at_random(
    strata: NDArray[np.float64],
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    validation: float = 0.2,
) -> Split:
    """Draw blocks with the same mix of targets; ``strata`` (float64[n]) is the target.

    ``validation`` is the share of the validation and the holdout block together. Raises
    TrainingError when a block would be empty.

    >>> split = split_at_random(np.repeat([0.0, 1.0], 50), seed=1)
    >>> len(split.train), len(split.validation), len(split.holdout)
    (80, 10, 10)
    >>> int((split.holdout < 50).sum())
    5
    """
    _check_share(validation)
    members = _groups_or_rows(groups, len(strata))
    dealt = _stratified_order(strata, members, seed)
    step = np.arange(len(dealt) + 1) * validation / 2
    # The holdout takes a unit (a row or group) each time the running share passes a whole number,
    # validation each time it passes a half.
    in_holdout, in_validation = (np.diff(np.floor(step + shift)) > 0 for shift in (0.0, 0.5))
    if not in_holdout.any() or not in_validation.any():  # too few groups: one for each block
        dealt = np.random.default_rng(seed).permutation(dealt)
        in_holdout, in_validation = np.arange(len(dealt)) == 0, np.arange(len(dealt)) == 1
    blocks = []
    for taken in (~in_holdout & ~in_validation, in_validation & ~in_holdout, in_holdout):
        is_in_block = np.zeros(len(dealt), np.bool_)
        is_in_block[dealt[taken]] = True
        blocks.append(np.flatnonzero(is_in_block[members]))
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
    block: float | None = None,
) -> tuple[FoldSplit, ...]:
    """Folds that train on the past and validate on later rows; arguments as ``split_by_time``.

    The oldest half is only trained on; the rest is cut into ``n_folds`` parts of about equal size.
    With ``block``, the share of the rows in a part, the newest rows are cut into such parts, as
    many as leave the oldest fifth to train on.
    There are fewer folds where equal times, groups or the gap would leave one empty.

    >>> for fold in forward_folds(np.arange(8.0), 2):
    ...     print(fold.train, fold.validation)
    [0 1 2 3] [4 5]
    [0 1 2 3 4 5] [6 7]
    """
    order, begins = _in_time(at_ms, groups)
    times, first = np.unique(begins, return_index=True)
    shares = _FIRST_FOLD + (1 - _FIRST_FOLD) * np.arange(n_folds) / n_folds
    if block is not None:
        shares = 1.0 - block * np.arange(float(n_folds), 0.0, -1.0)
        shares = shares[shares >= _LEAST_FIRST_FOLD]
    nearest = np.abs(first[:, None] - shares * len(order)).argmin(axis=0) if len(order) else []
    cuts = [*np.unique(times[nearest]), np.inf] if len(times) else []
    folds = []
    for begin, end in pairwise(cuts):
        train = _block(order, begins, at_ms, (-np.inf, begin), gap_ms)
        validation = _block(order, begins, at_ms, (begin, end), 0.0)
        if len(train) and len(validation):
            folds.append(FoldSplit(train, validation))
    return tuple(folds)


def random_folds(
    strata: NDArray[np.float64], n_folds: int, *, seed: int, groups: NDArray[np.int64] | None = None
) -> tuple[FoldSplit, ...]:
    """Validate on each n-th part of the rows or groups in turn, training on the others.

    >>> [fold.validation.tolist() for fold in random_folds(np.array([0.0, 0, 1, 1]), 2, seed=0)]
    [[1, 3], [0, 2]]
    """
    part = fold_of_rows(strata, n_folds, seed=seed, groups=groups)
    return tuple(_folds_of(part, n_folds))


def fold_of_rows(
    strata: NDArray[np.float64], n_folds: int, *, seed: int, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The fold of each row, int64[n] from 0 to ``n_folds`` - 1, with the same mix of targets."""
    members = _groups_or_rows(groups, len(strata))
    dealt = _stratified_order(strata, members, seed)
    part = np.empty(len(dealt), np.int64)
    part[dealt] = np.arange(len(dealt)) % n_folds
    return part[members]


def _folds_of(part: NDArray[np.int64], n_folds: int) -> Iterator[FoldSplit]:
    for fold in range(n_folds):
        train, validation = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        if len(train) and len(validation):
            yield FoldSplit(train, validation)


def _in_time(
    at_ms: NDArray[np.float64], groups: NDArray[np.int64] | None
) -> tuple[RowNumbers, NDArray[np.float64]]:
    """Rows with a time, ordered by the begin of their group, then by time; and these begins."""
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
    """Rows whose group begins in the span (end excluded), and that end a gap before its end."""
    inside = order[np.searchsorted(begins, span[0]) : np.searchsorted(begins, span[1])]
    if span[1] < np.inf:
        inside = inside[at_ms[inside] < span[1] - gap_ms]
    return inside[np.argsort(at_ms[inside], kind="stable")]


def _groups_or_rows(groups: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    """The unit of each row, numbered from 0: its group, or itself without groups."""
    if groups is None:
        return np.arange(n)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _stratified_order(
    strata: NDArray[np.float64], members: NDArray[np.int64], seed: int
) -> RowNumbers:
    """Units ordered by size, then target, then at random: each n-th one makes a balanced block."""
    sizes = np.bincount(members)
    means = np.bincount(members, weights=np.nan_to_num(strata)) / np.maximum(sizes, 1)
    strata_of_units, ranks = np.unique(means, return_inverse=True)
    if len(strata_of_units) > _MOST_STRATA:  # with a stratum a unit, nothing would be random
        means = np.floor(ranks * _MOST_STRATA / len(strata_of_units))
    draw = np.random.default_rng(seed).random(len(sizes))
    magnitude = np.floor(np.log2(np.maximum(sizes, 1)))
    return np.lexsort((draw, means, magnitude)).astype(np.int64)


def _check_share(validation: float) -> None:
    if not 0 < validation <= 0.5:
        raise TrainingError(
            f"the validation share is {validation}; expected a number above 0 and up to 0.5"
        )
