"""The numerator and denominator of each metric in each list: what every figure is made of.

Items near the top are seen more often and draw more successes wherever they belong, so lists favour
the order in which they were served. Where people stop at a success, the items that were seen favour
every other order: the success is the last of them. ``unbiased_ndcg@10`` corrects both: it ranks all
served items, and a success weighs the inverse of how much its position lowers the probability of
being seen and then chosen (inverse propensity weights: Joachims, Swaminathan and Schnabel, 2017); a
list weighs the mean of its successes. Other metrics are of the items that were seen.

A model's probability of a success at an item's logged position is that of its margin plus the
effect of the position that its own report estimated, as in training. Without it, a model of clicks
at the first position would seem to predict too much everywhere else.
Invariant: a sum of numerators over a sum of denominators is the metric over those lists.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.judging.verdict import CALIBRATION, LIST_AUC, LOG_LOSS, NDCG, UNBIASED_NDCG
from liverank.dataset.metrics import list_auc, ndcg_at, ranks_in_lists
from liverank.models.sigmoid_kernel import sigmoid_kernel

Floats = NDArray[np.float64]

TOP = 10
MOST_WEIGHT = 10.0
"""Largest weight of a success: otherwise one far down would outweigh all others."""


class ServedRows(NamedTuple):
    """Items that were served and whose label is known, ``n`` in ``r`` lists.

    ``labels`` uint8[n], 0 for items that were not seen; ``weights`` float64[n], how much a success
    of each row counts in the unbiased NDCG; ``of_list`` int64[n]; ``users`` uint64[r], the user of
    each list, whether it has such items or not; ``seen`` bool[n].
    """

    labels: NDArray[np.uint8]
    weights: Floats
    of_list: NDArray[np.int64]
    users: NDArray[np.uint64]
    seen: NDArray[np.bool_]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """The bounds of each list's rows, int64[r + 1]."""
        return np.searchsorted(self.of_list, np.arange(len(self.users) + 1)).astype(np.int64)

    @property
    def has_success(self) -> NDArray[np.bool_]:
        """Whether each list has a success, bool[r]."""
        return np.bincount(self.of_list, self.labels, len(self.users)) > 0

    def take(self, rows: NDArray[np.bool_]) -> "ServedRows":
        """Some rows, bool[n], of the same lists."""
        return ServedRows(
            self.labels[rows], self.weights[rows], self.of_list[rows], self.users, self.seen[rows]
        )

    def only_seen(self) -> "ServedRows":
        """The rows that were seen."""
        return self.take(self.seen)


class Component(NamedTuple):
    """A metric's numerator and denominator in each list, float64[r]."""

    numerators: Floats
    denominators: Floats

    def within(self, lists: NDArray[np.bool_]) -> "Component":
        """Without the lists where the mask, bool[r], is false."""
        return Component(self.numerators * lists, self.denominators * lists)


def order_components(scores: Floats, rows: ServedRows) -> dict[str, Component]:
    """The metrics of the order that scores, float64[n], give."""
    seen, own = rows.only_seen(), scores[rows.seen]
    return {
        UNBIASED_NDCG: weighted_ndcg(scores, rows),
        NDCG: _mean_over_lists(ndcg_at(TOP, own, seen.labels, seen.offsets)),
        LIST_AUC: _mean_over_lists(list_auc(own, seen.labels, seen.offsets)),
    }


def probability_components(chances: Floats, rows: ServedRows) -> dict[str, Component]:
    """Log-loss and calibration of probabilities, float64[n], of the rows that were seen."""
    rows, chances = rows.only_seen(), chances[rows.seen]
    p = np.clip(chances, 1e-15, 1 - 1e-15)
    losses = -np.where(rows.labels == 1, np.log(p), np.log1p(-p))

    def sums(values: NDArray[Any]) -> Floats:
        found: Floats = np.bincount(rows.of_list, values, len(rows.users)).astype(np.float64)
        return found

    return {
        LOG_LOSS: Component(sums(losses), sums(np.ones(len(p)))),
        CALIBRATION: Component(sums(rows.labels), sums(p)),
    }


def weighted_ndcg(scores: Floats, rows: ServedRows) -> Component:
    """NDCG@10 in which a success gains its weight; a list weighs the mean of its successes."""
    successes = np.flatnonzero(rows.labels)
    of_list, weights = rows.of_list[successes], rows.weights[successes]
    ranks = ranks_in_lists(scores, rows.offsets)[successes]
    best = np.lexsort((-weights, of_list))  # of_list rises, so it stays as it is
    best_ranks = np.arange(len(best)) - np.searchsorted(of_list, of_list) + 1

    def per_list(values: Floats) -> Floats:
        return np.bincount(of_list, values, len(rows.users)).astype(np.float64)

    gained = per_list(weights * _discounts(ranks))
    most = per_list(weights[best] * _discounts(best_ranks))
    counts = np.bincount(of_list, minlength=len(rows.users))
    weight = per_list(weights) / np.maximum(counts, 1)
    return Component(weight * gained / np.where(most > 0, most, 1.0), weight)


def weights_of(margins: Floats, effects: Floats, reach: Floats) -> Floats:
    """How much a success counts: its probability at the first position, divided by that at its own.

    ``margins`` and ``effects`` float64[n] are log-odds at the first position, and what the logged
    position adds where the item is seen; ``reach`` float64[n] is the probability that it is seen.

    >>> margins, effects = np.array([-9.0, 9.0, -9.0]), np.array([-1.0, -1.0, -5.0])
    >>> weights_of(margins, effects, np.array([1.0, 0.5, 1.0])).round(3).tolist()
    [2.718, 2.0, 10.0]
    """
    ratio = chances_of(margins, np.zeros(len(margins))) / chances_of(margins, effects)
    weights: Floats = np.minimum(ratio / np.maximum(reach, 1 / MOST_WEIGHT), MOST_WEIGHT)
    return weights


def reach_of(positions: Floats, seen: NDArray[np.bool_]) -> Floats:
    """The share of items at each row's position that were seen, float64[n].

    ``positions`` float64[n] from 0; 1 where the position is unknown.

    >>> reach_of(np.array([0.0, 1.0, 0.0, 1.0, np.nan]), np.array([1, 1, 1, 0, 0], bool)).tolist()
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    known = ~np.isnan(positions)
    reach = np.ones(len(positions))
    at = positions[known].astype(np.int64)
    if len(at):
        served = np.bincount(at)
        reach[known] = (np.bincount(at, seen[known], len(served)) / np.maximum(served, 1))[at]
    return reach


def chances_of(margins: Floats, effects: Floats) -> Floats:
    """Probabilities at the logged positions, float64[n], from margins and effects of positions.

    >>> chances_of(np.array([0.0]), np.array([-1.0])).round(4).tolist()
    [0.2689]
    """
    return sigmoid_kernel(np.ascontiguousarray(margins + effects))


def _discounts(ranks: NDArray[np.int64]) -> Floats:
    """What a success at each rank from 1 gains, float64[n]."""
    discounts: Floats = np.where(ranks <= TOP, 1 / np.log2(ranks + 1.0), 0.0)
    return discounts


def _mean_over_lists(values: Floats) -> Component:
    known = ~np.isnan(values)
    return Component(np.where(known, values, 0.0), known.astype(np.float64))
