"""The probabilities of a policy that ranks by scores, for lists that another policy served.

Items with one score share the places that they take, each order of them as likely as any other.
Invariant: of each list the probabilities of all candidates at a place sum to 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RankedLists(NamedTuple):
    """Logged items by the policy's order; arrays are float64[n, places], NaN beyond a list's end.

    ``by_place`` and ``given_above`` are the policy's probabilities of each logged item at its
    place, ``rank`` where the policy puts it, from 0 (items with one score: the mean of their
    places), and ``expected_rank`` where it puts what it shows at each place.
    """

    by_place: NDArray[np.float64]
    given_above: NDArray[np.float64]
    rank: NDArray[np.float64]
    expected_rank: NDArray[np.float64]


def ranked_lists(
    scores: NDArray[np.float64],
    offsets: NDArray[np.int64],
    served: NDArray[np.int64],
    places: int,
) -> RankedLists:
    """The order of the policy for each list, as far as so many places.

    ``scores`` float64[k] are of all candidates, those of list i from ``offsets[i]`` on; of each
    list the first ``served[i]`` are what was served, in their order. A NaN score comes last.

    >>> lists = ranked_lists(np.array([1.0, 3.0, 3.0]), np.array([0, 3]), np.array([2]), places=2)
    >>> lists.by_place.tolist(), lists.rank.tolist()
    ([[0.0, 0.5]], [[2.0, 0.5]])
    """
    lists = len(served)
    found = RankedLists(*(np.full((lists, places), np.nan) for _ in range(4)))
    for row in range(lists):
        of_list = scores[offsets[row] : offsets[row + 1]]
        shown = min(int(served[row]), places)
        first, last = _ties(np.nan_to_num(of_list, nan=-np.inf))
        place = np.arange(shown)
        here = (first[:shown] <= place) & (place < last[:shown])
        found.by_place[row, :shown] = here / (last - first)[:shown]
        found.given_above[row, :shown] = here / np.maximum(last[:shown] - place, 1)
        middle = (first + last - 1) / 2
        found.rank[row, :shown] = middle[:shown]
        found.expected_rank[row, :shown] = np.sort(middle)[:shown]
    return found


def _ties(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places from ``first`` up to but without ``last`` that each item may take, int64[n]."""
    ordered = np.sort(-scores)
    first = np.searchsorted(ordered, -scores, side="left").astype(np.int64)
    last = np.searchsorted(ordered, -scores, side="right").astype(np.int64)
    return first, last
