"""The probabilities of a policy that ranks by scores, for lists that another policy served.

Items with equal scores share their positions: each order of them is equally likely.
Invariant: the probabilities of all candidates of a list at a position sum to 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RankedLists(NamedTuple):
    """Logged items in the policy's order: float64[n, positions], NaN beyond a list's end.

    ``by_position`` and ``given_above`` are the policy's probabilities of each logged item at its
    position. ``rank`` is the policy's rank of the logged item, from 0 (items with equal scores have
    the mean of their ranks), ``expected_rank`` the rank of the item that it shows at the position.
    """

    by_position: NDArray[np.float64]
    given_above: NDArray[np.float64]
    rank: NDArray[np.float64]
    expected_rank: NDArray[np.float64]


def ranked_lists(
    scores: NDArray[np.float64],
    offsets: NDArray[np.int64],
    served: NDArray[np.int64],
    positions: int,
) -> RankedLists:
    """The order of the policy for each list, cut to this many positions.

    ``scores`` float64[k] are the scores of all candidates, those of list i from ``offsets[i]`` on;
    the first ``served[i]`` of each list were served, in this order. NaN scores rank last.

    >>> lists = ranked_lists(
    ...     np.array([1.0, 3.0, 3.0]), np.array([0, 3]), np.array([2]), positions=2
    ... )
    >>> lists.by_position.tolist(), lists.rank.tolist()
    ([[0.0, 0.5]], [[2.0, 0.5]])
    """
    lists = len(served)
    found = RankedLists(*(np.full((lists, positions), np.nan) for _ in range(4)))
    for row in range(lists):
        of_list = scores[offsets[row] : offsets[row + 1]]
        shown = min(int(served[row]), positions)
        first, last = _ties(np.nan_to_num(of_list, nan=-np.inf))
        position = np.arange(shown)
        here = (first[:shown] <= position) & (position < last[:shown])
        found.by_position[row, :shown] = here / (last - first)[:shown]
        found.given_above[row, :shown] = here / np.maximum(last[:shown] - position, 1)
        middle = (first + last - 1) / 2
        found.rank[row, :shown] = middle[:shown]
        found.expected_rank[row, :shown] = np.sort(middle)[:shown]
    return found


def _ties(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each item's possible positions: from ``first`` up to but not including ``last``, int64[n]."""
    ordered = np.sort(-scores)
    first = np.searchsorted(ordered, -scores, side="left").astype(np.int64)
    last = np.searchsorted(ordered, -scores, side="right").astype(np.int64)
    return first, last
