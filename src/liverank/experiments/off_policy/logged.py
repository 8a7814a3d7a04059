"""Lists that were served with known probabilities, beside those of the policy to estimate.

Two forms of the same arrays. *By place*: the probability that the item stands at its place,
whatever stands above it. *Given above*: the probability that the item comes next, given the items
above it. Invariant: every array has a row a list and a column a place; NaN rewards mark the places
beyond a list's end.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LoggedLists:
    """``n`` logged lists of at most ``places`` items.

    ``rewards``  float64[n, places]: what each shown item brought, such as a label of 0 or 1;
                 NaN beyond a list's end
    ``logging``  float64[n, places]: the probability with which the item got its place
    ``target``   float64[n, places]: the same under the policy to estimate
    ``unit``     int64[n]: whose list it is; lists of one unit are not independent
    """

    rewards: NDArray[np.float64]
    logging: NDArray[np.float64]
    target: NDArray[np.float64]
    unit: NDArray[np.int64]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Whether the list reaches a place, bool[n, places]."""
        return ~np.isnan(self.rewards)

    def first_places(self, places: int) -> "LoggedLists":
        """The same lists, as far as so many places."""
        return replace(
            self,
            rewards=self.rewards[:, :places],
            logging=self.logging[:, :places],
            target=self.target[:, :places],
        )


def check_lists(logged: LoggedLists) -> None:
    """Raise DatasetError where probabilities are missing or none, or shapes differ."""
    shape = logged.rewards.shape
    if len(shape) != 2 or not logged.logging.shape == logged.target.shape == shape:
        raise DatasetError(
            f"rewards {shape}, propensities {logged.logging.shape} and target "
            f"{logged.target.shape} must have one shape: lists and places"
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
            row, place = np.argwhere(wrong)[0]
            raise DatasetError(
                f"the {name} of list {row}, place {place + 1} is {values[row, place]:g}; a "
                "probability is from 0 to 1"
            )
    impossible = acts & (logged.logging == 0)
    if impossible.any():
        row, place = np.argwhere(impossible)[0]
        raise DatasetError(
            f"no support: {np.count_nonzero(impossible):,} items that the policy would show have a "
            f"propensity of 0, the first in list {row}, place {place + 1}; nothing can be said of "
            "what the log could never show: let its policy explore these items"
        )


def _check_missing(logged: LoggedLists, acts: NDArray[np.bool_]) -> None:
    missing = acts & np.isnan(logged.logging)
    if missing.any():
        lists = int(np.count_nonzero(missing.any(axis=1)))
        raise DatasetError(
            f"{lists:,} of {len(missing):,} lists have no propensity where the policy acts; log "
            "the probability with which each item got its place, or leave these lists out"
        )
    if np.isnan(logged.target[logged.shown]).any():
        raise DatasetError("the policy's probability is unknown (NaN) for an item that was shown")
