"""The numerator and denominator of each metric in each list: what every figure is made of.

A model's probability of a success at an item's logged position is that of its margin plus the
effect of the position that its own report estimated, as in training. Without it, a model of clicks
at the first position would seem to predict too much everywhere else. Order is compared without it.
Invariant: a sum of numerators over a sum of denominators is the metric over those lists.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.judging.verdict import CALIBRATION, LIST_AUC, LOG_LOSS, NDCG
from liverank.dataset.metrics import list_auc, ndcg_at
from liverank.models.sigmoid_kernel import sigmoid_kernel

Floats = NDArray[np.float64]

TOP = 10


class SeenRows(NamedTuple):
    """Items that were seen and whose label is known, ``n`` in ``r`` lists.

    ``labels`` uint8[n]; ``positions`` float64[n] from 0, NaN where unknown; ``of_list`` int64[n];
    ``users`` uint64[r], the user of each list, whether it has such items or not.
    """

    labels: NDArray[np.uint8]
    positions: Floats
    of_list: NDArray[np.int64]
    users: NDArray[np.uint64]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """The bounds of each list's rows, int64[r + 1]."""
        return np.searchsorted(self.of_list, np.arange(len(self.users) + 1)).astype(np.int64)

    @property
    def has_success(self) -> NDArray[np.bool_]:
        """Whether each list has a success, bool[r]."""
        return np.bincount(self.of_list, self.labels, len(self.users)) > 0

    def take(self, rows: NDArray[np.bool_]) -> "SeenRows":
        """Some rows, bool[n], of the same lists."""
        return SeenRows(self.labels[rows], self.positions[rows], self.of_list[rows], self.users)


class Component(NamedTuple):
    """A metric's numerator and denominator in each list, float64[r]."""

    numerators: Floats
    denominators: Floats

    def within(self, lists: NDArray[np.bool_]) -> "Component":
        """Without the lists where the mask, bool[r], is false."""
        return Component(self.numerators * lists, self.denominators * lists)


def order_components(scores: Floats, rows: SeenRows) -> dict[str, Component]:
    """The metrics of the order that scores, float64[n], give."""
    offsets = rows.offsets
    return {
        NDCG: _mean_over_lists(ndcg_at(TOP, scores, rows.labels, offsets)),
        LIST_AUC: _mean_over_lists(list_auc(scores, rows.labels, offsets)),
    }


def probability_components(chances: Floats, rows: SeenRows) -> dict[str, Component]:
    """Log-loss and calibration of probabilities, float64[n]."""
    p = np.clip(chances, 1e-15, 1 - 1e-15)
    losses = -np.where(rows.labels == 1, np.log(p), np.log1p(-p))

    def sums(values: NDArray[Any]) -> Floats:
        found: Floats = np.bincount(rows.of_list, values, len(rows.users)).astype(np.float64)
        return found

    return {
        LOG_LOSS: Component(sums(losses), sums(np.ones(len(p)))),
        CALIBRATION: Component(sums(rows.labels), sums(p)),
    }


def chances_of(margins: Floats, effects: Floats) -> Floats:
    """Probabilities at the logged positions, float64[n], from margins and effects of positions.

    >>> chances_of(np.array([0.0]), np.array([-1.0])).round(4).tolist()
    [0.2689]
    """
    return sigmoid_kernel(np.ascontiguousarray(margins + effects))


def _mean_over_lists(values: Floats) -> Component:
    known = ~np.isnan(values)
    return Component(np.where(known, values, 0.0), known.astype(np.float64))
