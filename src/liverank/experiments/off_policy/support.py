"""Checks, before an estimate is shown, that the log supports it.

Invariant: an estimate that passes is for a policy whose lists the logging policy could have served,
and is based on enough lists with a weight.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.weights import Weights, effective_size

_SURE = 4.0
"""Standard errors by which the mean weight must differ from 1 to be an error; chance alone exceeds
them about once in ten thousand tests."""
_MATTERS = 0.05
"""Difference of the mean weight from 1 that is tolerated, since propensities are often rounded."""

_ENOUGH_TO_TEST = 30.0
"""Effective lists below which the mean weight of a position is not tested."""


@dataclass(frozen=True, slots=True)
class Least:
    """The minimum support for an estimate."""

    effective_lists: float = 100.0
    successes: int = 10
    """Minimum number of lists with a weighted reward."""
    units: int = 30
    """Minimum number of units with a weighted list."""


def check_exploration(logged: LoggedLists) -> None:
    """Raise DatasetError if the logging policy was deterministic."""
    known = logged.logging[logged.shown]
    known = known[~np.isnan(known)]
    if len(known) and (known == 1).all():
        raise DatasetError(
            "no support: every propensity is 1, so the logging policy explored nothing, and its "
            "log does not show what other lists would bring; serve a share of them in random order"
        )


def check_support(logged: LoggedLists, weights: Weights, least: Least | None = None) -> None:
    """Raise DatasetError, with the reason, if the log does not support the estimate.

    The test that the mean weight is 1 checks the propensities themselves (Li, Kim and Zitouni,
    "Toward predicting the outcome of an A/B experiment for search engines", WSDM 2015).
    """
    least = least or Least()
    check_exploration(logged)
    effective = effective_size(weights)
    _check_mean_weight(logged, weights, effective >= _ENOUGH_TO_TEST)
    reached = np.flatnonzero(logged.shown.any(axis=0))
    worst = int(reached[np.argmin(effective[reached])])
    if effective[worst] < least.effective_lists:
        enough = int(np.argmax(np.append(effective < least.effective_lists, True)))
        first = "the first position" if enough == 1 else f"the first {enough} positions"
        shallower = f"ask for {first} only, or " if 0 < enough <= reached.max() else ""
        raise DatasetError(
            f"too little support: at position {worst + 1} the {len(weights):,} logged lists "
            f"count as {effective[worst]:.1f} that the policy would have shown, "
            f"{least.effective_lists:g} are needed; {shallower}gather "
            f"{_times(least.effective_lists, float(effective[worst]))} as many explored lists"
        )
    counts = weights.any(axis=1)
    units = len(np.unique(logged.unit[counts]))
    if units < least.units:
        raise DatasetError(
            f"too little support: the lists that count are those of {units} units, {least.units} "
            "are needed for an interval; gather explored lists of more people"
        )
    successes = int(np.count_nonzero((weights * np.nan_to_num(logged.rewards)).any(axis=1)))
    if successes < least.successes:
        raise DatasetError(
            f"too few successes: {successes} of the lists that count hold one, {least.successes} "
            "are needed for an interval; gather more explored lists, or estimate a more frequent "
            "label"
        )


def _times(needed: float, have: float) -> str:
    return "many times" if have < 1 else f"about {math.ceil(needed / have):,} times"


def _check_mean_weight(logged: LoggedLists, weights: Weights, testable: NDArray[np.bool_]) -> None:
    """Raise DatasetError if the weights of a testable position are not 1 on average."""
    _, unit = np.unique(logged.unit, return_inverse=True)
    for position in np.flatnonzero(testable):
        shown = logged.shown[:, position]
        mean, error = _mean_of_units(weights[shown, position], unit[shown])
        if not abs(mean - 1) > max(_SURE * error, _MATTERS):
            continue
        if mean < 1:
            why = (
                f"the log never shows some {1 - mean:.0%} of what the policy would show there: let "
                "the logging policy explore these items too"
            )
        else:
            why = (
                "the logged propensities are too small: check how they are worked out, and that "
                "each list names all its candidates"
            )
        raise DatasetError(
            f"no support: at position {position + 1} the weights are {mean:.3f} on average "
            f"(standard error {error:.3f}) where 1 is expected; {why}"
        )


def _mean_of_units(values: NDArray[np.float64], unit: NDArray[np.int64]) -> tuple[float, float]:
    """The mean of values and its standard error, clustered by unit."""
    mean = float(values.mean())
    spread = np.bincount(unit, values - mean)
    return mean, math.sqrt(float(spread @ spread)) / len(values)
