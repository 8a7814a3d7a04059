"""The mean reward of a list under a policy, estimated from lists served with propensities.

Invariant: an estimate is given only where the log supports it (``off_policy.support``); otherwise
the error states what is missing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.explored import ExploredLists
from liverank.dataset.lists.lists import Lists
from liverank.errors import DatasetError
from liverank.experiments.off_policy.estimate import Estimate, dr, ips, logged_value, snips
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.ranked import ranked_lists
from liverank.experiments.off_policy.reward_table import reward_table
from liverank.experiments.off_policy.support import check_exploration, check_support
from liverank.experiments.off_policy.uniform import given_above, is_uniform
from liverank.experiments.off_policy.weights import cascade_weights, item_position_weights

Form = Literal["item_position", "cascade"]
MOST_POSITIONS = 10


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """The mean reward of the first positions of a list under a policy, by each estimator."""

    positions: int
    shown: float
    """Mean number of items that a list shows in these positions."""
    dr: Estimate
    snips: Estimate
    ips: Estimate
    logged: Estimate
    """The mean reward of the lists as they were served."""
    unit: NDArray[np.int64]
    """int64[lists]: the user of each list."""


def usual_positions(lists: Lists) -> int:
    """The median length of the lists, MOST_POSITIONS at most."""
    served = np.add.reduceat(lists.served.astype(np.int64), lists.reads.offsets[:-1])
    return int(min(MOST_POSITIONS, np.median(served)))


def estimate_policy(
    explored: ExploredLists, scores: NDArray[np.float64], *, positions: int, form: Form
) -> PolicyEstimate:
    """Estimate a policy from its scores of every candidate of the lists, float64[k].

    ``positions`` is the number of first positions of a list that count.
    Raises DatasetError where the log does not support it.
    """
    lists = explored.lists
    offsets = lists.reads.offsets
    served = np.add.reduceat(lists.served.astype(np.int64), offsets[:-1])
    positions = int(min(positions, served.max()))
    unit = lists.reads.user.view(np.int64)
    rewards = _first_positions(explored.labels.astype(np.float64), offsets, served, positions)
    assert lists.chances is not None
    logging = _first_positions(lists.chances, offsets, served, positions)
    ranked = ranked_lists(scores, offsets, served, positions)
    check_exploration(LoggedLists(rewards, logging, ranked.by_position, unit))
    if form == "cascade":
        logging = _given_above(logging, lists.sizes)
        logged = LoggedLists(rewards, logging, ranked.given_above, unit)
        weights = cascade_weights(logged)
    else:
        logged = LoggedLists(rewards, logging, ranked.by_position, unit)
        weights = item_position_weights(logged)
    check_support(logged, weights)
    model = reward_table(rewards, ranked.rank, ranked.expected_rank, unit)
    inverse = 1 / logging if form == "item_position" else np.cumprod(1 / logging, axis=1)
    return PolicyEstimate(
        positions=positions,
        shown=float(logged.shown.sum(axis=1).mean()),
        dr=dr(logged, weights, model.predicted, model.expected, cascade=form == "cascade"),
        snips=snips(logged, weights),
        ips=ips(logged, weights, greatest=float(np.nansum(inverse, axis=1).max())),
        logged=logged_value(logged),
        unit=unit,
    )


def _first_positions(
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    served: NDArray[np.int64],
    positions: int,
) -> NDArray[np.float64]:
    """Values of the served items, float64[lists, positions]; NaN beyond a list's end."""
    position = np.arange(positions)
    shown = position < served[:, None]
    at = np.where(shown, offsets[:-1, None] + position, 0)
    return np.where(shown, values[at], np.nan)


def _given_above(
    logging: NDArray[np.float64], candidates: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The propensities of lists in random order, given the items above each item."""
    others = int(np.count_nonzero(~is_uniform(logging, candidates)))
    if others:
        raise DatasetError(
            f"{others:,} of {len(logging):,} lists were not served in uniformly random order, and "
            "their propensities do not say what they were given the items above; leave these lists "
            'out, or use the form "item_position"'
        )
    return np.where(np.isnan(logging), np.nan, given_above(candidates, logging.shape[1]))
