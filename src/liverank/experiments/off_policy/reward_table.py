"""A simple reward model: the mean reward by place and by where the policy ranks the item.

Fitted on the lists of other units than those that it predicts for (cross-fitting: Chernozhukov et
al., "Double/debiased machine learning", 2018), so that a doubly robust estimate stays unbiased.
Invariant: no list is predicted by a table that learned from a list of the same unit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
_LEVELS = 8
"""Ranks are told apart as 0, 1-2, 3-6, 7-14 and so on."""
_PRIOR = 20.0
"""Shown items by which a cell's mean is pulled to the mean of its place."""


class Predictions(NamedTuple):
    """What ``estimate.dr`` takes, float64[n, places] each."""

    predicted: NDArray[np.float64]
    expected: NDArray[np.float64]


def reward_table(
    rewards: NDArray[np.float64],
    rank: NDArray[np.float64],
    expected_rank: NDArray[np.float64],
    unit: NDArray[np.int64],
) -> Predictions:
    """Predict each reward from its place and its rank: float64[n, places]; unit int64[n].

    NaN rewards mark places beyond a list's end.
    """
    _, number = np.unique(unit, return_inverse=True)
    fold = number % FOLDS
    found = Predictions(np.zeros(rewards.shape), np.zeros(rewards.shape))
    for held_out in range(FOLDS):
        mine = fold == held_out
        table = _table(rewards[~mine], _level(rank[~mine]))
        place = np.arange(rewards.shape[1])[None, :]
        found.predicted[mine] = table[place, _level(rank[mine])]
        found.expected[mine] = table[place, _level(expected_rank[mine])]
    return found


def _level(rank: NDArray[np.float64]) -> NDArray[np.int64]:
    level = np.floor(np.log2(np.nan_to_num(rank) + 1.5))
    return np.clip(level, 0, _LEVELS - 1).astype(np.int64)


def _table(rewards: NDArray[np.float64], level: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean reward at each place of each level, float64[places, levels]."""
    places = rewards.shape[1]
    shown = ~np.isnan(rewards)
    cell = np.broadcast_to(np.arange(places), rewards.shape) * _LEVELS + level
    count = np.bincount(cell[shown], minlength=places * _LEVELS).reshape(places, _LEVELS)
    total = np.bincount(cell[shown], rewards[shown], places * _LEVELS).reshape(places, _LEVELS)
    of_place = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
    table: NDArray[np.float64] = (total + _PRIOR * of_place[:, None]) / (count + _PRIOR)
    return table
