"""Rounds of boosting that hold at several origins, rather than the best of each block by itself.

Early stopping on the block that measures the loss picks the luckiest round of that block. Here the
rounds for one block are those that are best on average over all other blocks, so its loss is that
of a choice made without it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Fit
from liverank.models.forest.forest import Forest

Floats = NDArray[np.float64]


def best_rounds(paths: Sequence[Floats]) -> int:
    """The number of rounds with the least mean loss over all paths.

    ``paths`` are losses after each round, one array a block; a path that ended early goes on with
    its last loss.

    >>> best_rounds([np.array([5.0, 3.0, 4.0]), np.array([5.0, 4.0, 2.0, 3.0])])
    3
    """
    return int(np.argmin(_even(paths).mean(axis=0))) + 1


def rounds_by_others(paths: Sequence[Floats]) -> list[int]:
    """For each path, the best number of rounds by all others. Needs two or more.

    >>> rounds_by_others([np.array([5.0, 3.0, 4.0]), np.array([5.0, 4.0, 2.0])])
    [3, 2]
    """
    return [best_rounds([*paths[:i], *paths[i + 1 :]]) for i in range(len(paths))]


def loss_at(path: Floats, rounds: int) -> float:
    """The loss of a path after some rounds."""
    return float(path[min(rounds, len(path)) - 1])


def with_rounds_of_others(fits: Sequence[Fit]) -> list[Fit]:
    """The models of the folds, each cut to the rounds that are best on all other folds.

    A model that stopped before has no more rounds and stays as it is, as do models without a path
    of losses.
    """
    if not have_common_rounds(fits):
        return list(fits)
    wanted = rounds_by_others([fit.losses for fit in fits])
    return [at_most(fit, rounds) for fit, rounds in zip(fits, wanted, strict=True)]


def have_common_rounds(fits: Sequence[Fit]) -> bool:
    """Whether there are several models, and the loss of each is known after every round."""
    return len(fits) > 1 and all(len(fit.losses) for fit in fits)


def at_most(fit: Fit, rounds: int) -> Fit:
    """The model after its first rounds, where it is made of trees and has more of them.

    Importance (``gains``) stays that of all rounds.
    """
    forests = [part for part in fit.parts if isinstance(part, Forest)]
    if rounds >= fit.rounds or len(forests) < len(fit.parts):
        return fit
    # a forest may begin with a tree that holds the average
    parts = tuple(
        forest.first_trees(rounds + max(forest.n_trees - fit.rounds, 0)) for forest in forests
    )
    return replace(fit, parts=parts, rounds=rounds)


def _even(paths: Sequence[Floats]) -> Floats:
    """Paths of one length, float64[paths, rounds]."""
    longest = max(len(path) for path in paths)
    return np.array([np.append(path, np.full(longest - len(path), path[-1])) for path in paths])
