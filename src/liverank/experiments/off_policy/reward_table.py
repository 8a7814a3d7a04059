"""A simple reward model: the mean reward by position and by the item's rank under the policy.

The table for a list is fitted on the lists of other units (cross-fitting: Chernozhukov et
al., "Double/debiased machine learning", 2018), so that a doubly robust estimate stays unbiased.
Invariant: no list is predicted by a table that was computed from lists of the same unit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
_LEVELS = 8
"""Number of bins of ranks: 0, 1-2, 3-6, 7-14 and so on."""
_PRIOR = 20.0
"""Weight, in shown items, of the position's mean in a cell's smoothed mean."""


class Predictions(NamedTuple):
    """The predictions that ``estimate.dr`` takes, float64[n, positions] each."""

    predicted: NDArray[np.float64]
    expected: NDArray[np.float64]


def reward_table(
    rewards: NDArray[np.float64],
    rank: NDArray[np.float64],
    expected_rank: NDArray[np.float64],
    unit: NDArray[np.int64],
) -> Predictions:
    """Predict each reward from its position and its rank: float64[n, positions]; unit int64[n].

    NaN rewards mark positions beyond a list's end.
    """
    _, number = np.unique(unit, return_inverse=True)
    fold = number % FOLDS
    found = Predictions(np.zeros(rewards.shape), np.zeros(rewards.shape))
    for predicted_fold in range(FOLDS):
        mine = fold == predicted_fold
        table = _table(rewards[~mine], _level(rank[~mine]))
        position = np.arange(rewards.shape[1])[None, :]
        found.predicted[mine] = table[position, _level(rank[mine])]
        found.expected[mine] = table[position, _level(expected_rank[mine])]
    return found


def _level(rank: NDArray[np.float64]) -> NDArray[np.int64]:
    level = np.floor(np.log2(np.nan_to_num(rank) + 1.5))
    return np.clip(level, 0, _LEVELS - 1).astype(np.int64)


def _table(rewards: NDArray[np.float64], level: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean reward at each position of each level, float64[positions, levels]."""
    positions = rewards.shape[1]
    shown = ~np.isnan(rewards)
    cell = np.broadcast_to(np.arange(positions), rewards.shape) * _LEVELS + level
    count = np.bincount(cell[shown], minlength=positions * _LEVELS).reshape(positions, _LEVELS)
    total = np.bincount(cell[shown], rewards[shown], positions * _LEVELS).reshape(
        positions, _LEVELS
    )
    of_position = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
    table: NDArray[np.float64] = (total + _PRIOR * of_position[:, None]) / (count + _PRIOR)
    return table
