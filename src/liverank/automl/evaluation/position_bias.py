"""What its place in a list does to an item's success, apart from what the item is.

A place near the top is seen sooner and engaged with more, whatever stands there. Estimated first,
it enters training as log-odds that are known beforehand, so that no feature gains by telling where
an item stood, and it is constant in serving.

Where rankings say with which chance each item got its place (``propensities``), and the table that
follows is sure enough, the success at each place is weighted by one over that chance (inverse
propensity scores). Else it is the partial dependence (Friedman, 2001) of a forest that knows the
position and what an item is by itself, and nothing that compares it with its list: ranks of what a
list was sorted by tell the place. In worlds with four ways of logging it was nearer to the truth
than alternating estimates and than swaps of items between places (docs/decisions.md).
Invariant: the effect of the first place is 0.
"""

from typing import Literal

import lightgbm
import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.dataset.rows import Rows
from liverank.features.kinds.context import POSITION_NAME

LEAST_ROWS, LEAST_SUCCESSES = 1_000, 50
"""With fewer rows or successes nothing is said of places."""
_SAMPLE = 2_000
_MOST_ROWS = 100_000
"""The newest of more rows are enough to estimate a table by."""
_MOST_PLACES = 200
_ROUNDS = 60
_SETTINGS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "lambda_l2": 1.0,
    "min_sum_hessian_in_leaf": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
_LEAST_CHANCE = 0.01
"""Propensities below this count as this: one rare event would outweigh all others."""
_EVEN_SHARE = 0.5
"""Share of the rows that must say their propensity for places to be estimated by them."""
LARGEST_ERROR = 0.1
"""Standard error in log-odds (root of the mean square over rows) above which propensities tell less
than partial dependence, whose error was .04 to .19 in made worlds (docs/decisions.md)."""


class PositionEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each place adds to the log-odds of a success, less what the first one adds."""

    log_odds: tuple[float, ...]
    """Of the places from the first on; a later one has the last one's."""
    rows: int
    """That it was estimated from."""
    method: Literal["propensities", "partial_dependence"]

    def of(self, positions: NDArray[np.floating]) -> NDArray[np.float64]:
        """The effect at each of these positions (from 0), float64[n]; 0 where it is NaN.

        >>> effect = PositionEffect(log_odds=(0.0, -0.5), rows=9, method="propensities")
        >>> effect.of(np.array([0.0, 1.0, 7.0, np.nan])).tolist()
        [0.0, -0.5, -0.5, 0.0]
        """
        known = np.nan_to_num(positions, nan=0.0).astype(np.int64)
        table = np.array(self.log_odds)
        effects: NDArray[np.float64] = table[np.clip(known, 0, len(table) - 1)]
        return effects


def position_effect(
    rows: Rows, *, alone: NDArray[np.bool_], propensities: NDArray[np.float64] | None, seed: int
) -> PositionEffect | None:
    """Estimate what places do; None where rows are few or say no, or but one, position.

    ``alone``, bool[f], marks the features that say what an item is without comparing it with its
    list. Propensities decide where the table that they give is sure to LARGEST_ERROR.
    ``propensities`` float64[n], NaN where unknown: the chance of each row's place.
    """
    if POSITION_NAME not in rows.names or len(rows) < LEAST_ROWS:
        return None
    column = rows.names.index(POSITION_NAME)
    positions = rows.features[:, column]
    told = ~np.isnan(positions)
    if rows.positives < LEAST_SUCCESSES or len(np.unique(positions[told])) < 2:
        return None
    n_places = int(min(positions[told].max(), _MOST_PLACES - 1)) + 1
    if propensities is not None and _are_enough(propensities, rows.labels):
        effect, error = _weighted(rows.labels, positions, propensities, n_places)
        if error <= LARGEST_ERROR:
            return _told(effect, int(np.isfinite(propensities).sum()), "propensities")
    rows = rows.take(slice(max(len(rows) - _MOST_ROWS, 0), None))
    alone = alone.copy()
    alone[column] = True
    effect = _partial_dependence(rows, alone, n_places, seed)
    return _told(effect, len(rows), "partial_dependence")


def _are_enough(propensities: NDArray[np.float64], labels: NDArray[np.uint8]) -> bool:
    """Whether enough rows say with which chance they got their places, of both sorts."""
    known = np.isfinite(propensities)
    successes = int(labels[known].sum(dtype=np.int64))
    return (
        known.mean() >= _EVEN_SHARE
        and min(successes, int(known.sum()) - successes) >= LEAST_SUCCESSES
    )


def _told(
    effect: NDArray[np.float64], rows: int, method: Literal["propensities", "partial_dependence"]
) -> PositionEffect:
    """The estimate as data; digits beyond the fourth are noise."""
    return PositionEffect(
        log_odds=tuple(np.round(effect - effect[0], 4).tolist()), rows=rows, method=method
    )


def _weighted(
    labels: NDArray[np.uint8],
    positions: NDArray[np.floating],
    propensities: NDArray[np.float64],
    n_places: int,
) -> tuple[NDArray[np.float64], float]:
    """Log-odds of a success at each place if any item were as likely to stand there.

    With the standard error of a ratio of weighted sums (delta method), its root mean square over
    the rows.
    """
    known = np.isfinite(propensities) & ~np.isnan(positions)
    place = np.minimum(positions[known], n_places - 1).astype(np.int64)
    weight = 1.0 / np.maximum(propensities[known], _LEAST_CHANCE)
    shown = np.bincount(place, weight, n_places)
    succeeded = np.bincount(place, weight * labels[known], n_places)
    # as much as one average impression of the overall rate steadies places with few of them
    mean_weight = float(weight.mean())
    rate = succeeded.sum() / shown.sum()
    steadied = (succeeded + mean_weight * rate) / (shown + mean_weight)
    log_odds: NDArray[np.float64] = np.log(steadied / (1.0 - steadied))
    residual = weight * (labels[known] - steadied[place])
    variance = np.bincount(place, residual**2, n_places) / (shown + mean_weight) ** 2
    variance /= (steadied * (1.0 - steadied)) ** 2
    return log_odds, float(np.sqrt(variance[place].mean()))


def _partial_dependence(
    rows: Rows, alone: NDArray[np.bool_], n_places: int, seed: int
) -> NDArray[np.float64]:
    """The mean margin of a forest over some rows, as if all of them stood at each place."""
    columns = np.flatnonzero(alone)
    features = np.ascontiguousarray(rows.features[:, columns])
    directions = rows.directions or (0,) * len(rows.names)
    settings = _SETTINGS | {
        "seed": seed,
        "monotone_constraints": [directions[column] for column in columns.tolist()],
    }
    forest = lightgbm.train(settings, lightgbm.Dataset(features, rows.labels), _ROUNDS)
    some = np.random.default_rng(seed).permutation(len(rows))[:_SAMPLE]
    sample = features[np.sort(some)]
    column = columns.tolist().index(rows.names.index(POSITION_NAME))
    margins = np.empty(n_places)
    for place in range(n_places):
        sample[:, column] = place
        margins[place] = np.asarray(forest.predict(sample, raw_score=True)).mean()
    return margins
