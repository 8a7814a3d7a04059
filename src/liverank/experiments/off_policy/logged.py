"""Lists that were served with known probabilities, and the probabilities under another policy.

Probabilities come in two forms. *By position*: the probability of the item at its position,
whatever the items above it. *Given above*: the probability that the item comes next, given the
items above it. Invariant: every array has a row for each list and a column for each position; NaN
rewards mark the positions beyond a list's end.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LoggedLists:
    """``n`` logged lists of at most ``positions`` items.

    ``rewards``  float64[n, positions]: the reward of each shown item, such as a label of 0 or 1;
                 NaN beyond a list's end
    ``logging``  float64[n, positions]: the probability of the item at its position, as served
    ``target``   float64[n, positions]: the same under the policy to estimate
    ``unit``     int64[n]: the unit (user) of the list; lists of one unit are not independent
    """

    rewards: NDArray[np.float64]
    logging: NDArray[np.float64]
    target: NDArray[np.float64]
    unit: NDArray[np.int64]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Whether the list has an item at a position, bool[n, positions]."""
        return ~np.isnan(self.rewards)

    def first_positions(self, positions: int) -> "LoggedLists":
        """The same lists, cut to this many positions."""
        return replace(
            self,
            rewards=self.rewards[:, :positions],
            logging=self.logging[:, :positions],
            target=self.target[:, :positions],
        )


def check_lists(logged: LoggedLists) -> None:
    """Raise DatasetError where probabilities are missing or not in [0, 1], or shapes differ."""
    shape = logged.rewards.shape
    if len(shape) != 2 or not logged.logging.shape == logged.target.shape == shape:
        raise DatasetError(
            f"rewards {shape}, propensities {logged.logging.shape} and target "
            f"{logged.target.shape} must have one shape: lists and positions"
        )
    if logged.unit.shape != shape[:1]:
        raise DatasetError(f"{shape[0]} lists, but units for {len(logged.unit)}")
    if not logged.shown.any():
        raise DatasetError("there are no logged lists to estimate from")
    acts = logged.shown & ~(logged.target == 0)
    _check_missing(logged, acts)
    for name, values in (("propensity", logged.logging), ("target probability", logged.target)):
        wrong = acts & ~((values >= 0) & (values <= 1 + _ROUNDING))
        if wrong.any():
            row, position = np.argwhere(wrong)[0]
            raise DatasetError(
                f"the {name} of list {row}, position {position + 1} is "
                f"{values[row, position]:g}; a probability is from 0 to 1"
            )
    impossible = acts & (logged.logging == 0)
    if impossible.any():
        row, position = np.argwhere(impossible)[0]
        raise DatasetError(
            f"no support: {np.count_nonzero(impossible):,} items that the policy would show have a "
            f"propensity of 0, the first in list {row}, position {position + 1}; a log cannot "
            "answer for items that it could never show: let its policy explore these items"
        )


def _check_missing(logged: LoggedLists, acts: NDArray[np.bool_]) -> None:
    missing = acts & np.isnan(logged.logging)
    if missing.any():
        lists = int(np.count_nonzero(missing.any(axis=1)))
        raise DatasetError(
            f"{lists:,} of {len(missing):,} lists have no propensity where the policy acts; log "
            "the probability with which each item got its position, or leave these lists out"
        )
    if np.isnan(logged.target[logged.shown]).any():
        raise DatasetError("the policy's probability is unknown (NaN) for an item that was shown")
