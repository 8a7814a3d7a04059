"""Position bias: the effect of an item's position in a list on its success.

Items near the top are seen sooner and more often, whatever they are. The effect is estimated first
and enters training as known log-odds, so that no feature gains by predicting the position; in
serving it is a constant.

Where rankings carry the probability with which each item got its position (``propensities``), and
the resulting table is certain enough, successes are weighted by the inverse of that probability
(inverse propensity scores). Otherwise the effect is the partial dependence (Friedman, 2001) of a
forest on the position; the forest also sees the features of an item by itself, but none that
compare it with its list, since ranks of what the list was sorted by give away the position. In
simulated worlds with four ways of logging, this was nearer to the truth than alternating estimates
and than swaps of items between positions (docs/decisions.md).
Invariant: the effect of the first position is 0.
"""

from typing import Literal

import lightgbm
import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.dataset.rows import Rows
from liverank.features.kinds.context import POSITION_NAME

LEAST_ROWS, LEAST_SUCCESSES = 1_000, 50
"""Fewest rows and successes from which the effect is estimated."""
_SAMPLE = 2_000
"""Rows over which the partial dependence is averaged."""
_MOST_ROWS = 100_000
"""Number of rows, the newest, from which the partial dependence is estimated."""
_MOST_POSITIONS = 200
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
"""Smaller propensities are raised to this: otherwise one rare event would outweigh all others."""
_LEAST_KNOWN = 0.5
"""Share of the rows that must have a propensity for propensities to be used."""
LARGEST_ERROR = 0.1
"""Largest standard error, in log-odds (root mean square over rows), of an estimate by propensities.
Above it partial dependence is used, whose error was .04 to .19 in simulated worlds
(docs/decisions.md)."""


class PositionEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The effect of each position on the log-odds of a success, relative to the first position."""

    log_odds: tuple[float, ...]
    """For positions from the first on; positions beyond the last entry have its value."""
    rows: int
    """Number of rows that it was estimated from."""
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
    """Estimate the effect; None where rows are few, or have fewer than two known positions.

    ``alone``, bool[f], marks the features of an item by itself, which do not compare it with its
    list. ``propensities`` float64[n], NaN where unknown, is the probability of each row's position;
    they are used if the standard error of their estimate is at most LARGEST_ERROR.
    """
    if POSITION_NAME not in rows.names or len(rows) < LEAST_ROWS:
        return None
    column = rows.names.index(POSITION_NAME)
    positions = rows.features[:, column]
    known = ~np.isnan(positions)
    if rows.positives < LEAST_SUCCESSES or len(np.unique(positions[known])) < 2:
        return None
    n_positions = int(min(positions[known].max(), _MOST_POSITIONS - 1)) + 1
    if propensities is not None and _are_enough(propensities, rows.labels):
        effect, error = _weighted(rows.labels, positions, propensities, n_positions)
        if error <= LARGEST_ERROR:
            return _as_effect(effect, int(np.isfinite(propensities).sum()), "propensities")
    rows = rows.take(slice(max(len(rows) - _MOST_ROWS, 0), None))
    alone = alone.copy()
    alone[column] = True
    effect = _partial_dependence(rows, alone, n_positions, seed)
    return _as_effect(effect, len(rows), "partial_dependence")


def _are_enough(propensities: NDArray[np.float64], labels: NDArray[np.uint8]) -> bool:
    """Whether enough rows, successes and failures, have a known propensity."""
    known = np.isfinite(propensities)
    successes = int(labels[known].sum(dtype=np.int64))
    return (
        known.mean() >= _LEAST_KNOWN
        and min(successes, int(known.sum()) - successes) >= LEAST_SUCCESSES
    )


def _as_effect(
    effect: NDArray[np.float64], rows: int, method: Literal["propensities", "partial_dependence"]
) -> PositionEffect:
    """The estimate relative to the first position, rounded: digits beyond the fourth are noise."""
    return PositionEffect(
        log_odds=tuple(np.round(effect - effect[0], 4).tolist()), rows=rows, method=method
    )


def _weighted(
    labels: NDArray[np.uint8],
    positions: NDArray[np.floating],
    propensities: NDArray[np.float64],
    n_positions: int,
) -> tuple[NDArray[np.float64], float]:
    """Log-odds of a success at each position, if all items were equally likely to have it.

    Returns float64[n_positions], and their standard error (that of a ratio of weighted sums, by the
    delta method) as the root mean square over the rows.
    """
    known = np.isfinite(propensities) & ~np.isnan(positions)
    position = np.minimum(positions[known], n_positions - 1).astype(np.int64)
    weight = 1.0 / np.maximum(propensities[known], _LEAST_CHANCE)
    shown = np.bincount(position, weight, n_positions)
    succeeded = np.bincount(position, weight * labels[known], n_positions)
    # One average impression with the overall rate is added, for positions with few impressions.
    mean_weight = float(weight.mean())
    rate = succeeded.sum() / shown.sum()
    smoothed = (succeeded + mean_weight * rate) / (shown + mean_weight)
    log_odds: NDArray[np.float64] = np.log(smoothed / (1.0 - smoothed))
    residual = weight * (labels[known] - smoothed[position])
    variance = np.bincount(position, residual**2, n_positions) / (shown + mean_weight) ** 2
    variance /= (smoothed * (1.0 - smoothed)) ** 2
    return log_odds, float(np.sqrt(variance[position].mean()))


def _partial_dependence(
    rows: Rows, alone: NDArray[np.bool_], n_positions: int, seed: int
) -> NDArray[np.float64]:
    """Mean margin of a forest over some rows, with the position of all set to each in turn."""
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
    margins = np.empty(n_positions)
    for position in range(n_positions):
        sample[:, column] = position
        margins[position] = np.asarray(forest.predict(sample, raw_score=True)).mean()
    return margins
