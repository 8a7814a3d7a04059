"""Which of the interleaved rankers people prefer, with an interval over users.

A ranker's share is its part of both rankers' credit; one half means that neither is preferred.
It is a ratio of sums over users, the unit of the experiment; its variance is by the delta method
(Deng, Knoblich and Lu, "Applying the delta method in metric analytics", KDD 2018). Two users
who choose only the first's items and two who choose only the second's are added before the interval
and p (Agresti and Coull, "Approximate is better than exact", 1998), so that these stay valid if few
users chose, or all of them agree.
Invariant: the interval excludes one half exactly if p is below 1 - level.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from liverank.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Preference:
    """The second ranker's share of the credit of two rankers."""

    share: float
    """Share of the second ranker: above 0.5 it is preferred."""
    share_ci: tuple[float, float]
    p: float
    """Two-sided p-value of the hypothesis that the share is one half."""
    credit: tuple[float, float]
    """Credit of the first and of the second ranker."""
    users: int
    """Users with an interleaved list."""
    users_with_credit: int


def preference(credit: NDArray[np.float64], level: float = 0.95) -> Preference:
    """The preference between two rankers, from the credit of each user, float64[n_users, 2].

    Raises DatasetError where fewer than two users gave credit.

    >>> found = preference(np.array([[0.0, 2.0], [1.0, 1.0], [0.0, 1.0], [1.0, 2.0], [0.0, 1.0]]))
    >>> f"{found.share:.2f}, {found.share_ci[0]:.2f} to {found.share_ci[1]:.2f}, p {found.p:.2f}"
    '0.78, 0.40 to 0.91, p 0.23'
    """
    of_both = credit.sum(axis=1)
    active = int(np.count_nonzero(of_both))
    if active < 2:
        raise DatasetError(
            f"{active} of {len(credit)} users chose an item that counts for a ranker; a preference "
            "needs 2 or more, and an interval that says something needs some hundred"
        )
    total = float(of_both.sum())
    added = np.array([[1.0, 0.0], [0.0, 1.0]] * 2) * (total / active)
    middle, error = _share(np.concatenate([credit, added]))
    half = float(norm.ppf(0.5 + level / 2)) * error
    share = float(credit[:, 1].sum()) / total
    return Preference(
        share=share,
        share_ci=(min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)),
        p=float(2 * norm.sf(abs(middle - 0.5) / error)),
        credit=(float(credit[:, 0].sum()), float(credit[:, 1].sum())),
        users=len(credit),
        users_with_credit=active,
    )


def _share(credit: NDArray[np.float64]) -> tuple[float, float]:
    """The second's share of all credit and its standard error (delta method)."""
    of_both = credit.sum(axis=1)
    share = float(credit[:, 1].sum() / of_both.sum())
    residuals = credit[:, 1] - share * of_both
    return share, math.sqrt(float(residuals @ residuals)) / float(of_both.sum())


def preferences(
    credit: NDArray[np.float64], level: float = 0.95
) -> dict[tuple[int, int], Preference]:
    """The preference between each pair of m rankers, by their indices; credit is float64[n, m].

    Each p is for its own pair: correct them for multiple tests (Holm) before a decision.

    >>> [pair for pair in preferences(np.random.default_rng(1).random((9, 3)))]
    [(0, 1), (0, 2), (1, 2)]
    """
    rankers = credit.shape[1]
    return {
        (first, second): preference(credit[:, [first, second]], level)
        for first in range(rankers)
        for second in range(first + 1, rankers)
    }
