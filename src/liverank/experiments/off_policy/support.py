"""Whether a log can answer for a policy at all: what is checked before an estimate is shown.

Invariant: an estimate that passes is of a policy whose lists the log could have shown, from enough
lists that count.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.weights import Weights, effective_size

_SURE = 4.0
"""Standard errors by which the mean weight must differ from 1 to be wrong; chance gives that once
in some ten thousand."""
_MATTERS = 0.05
"""Differences of the mean weight from 1 below this are let pass: propensities are often rounded."""

_ENOUGH_TO_TEST = 30.0
"""Effective lists below which the mean weight of a place tells nothing: it hangs on a few lists."""


@dataclass(frozen=True, slots=True)
class Least:
    """Below which no estimate is given."""

    effective_lists: float = 100.0
    successes: int = 10
    """Lists with a reward that counts."""
    units: int = 30
    """Units with a list that counts."""


def check_exploration(logged: LoggedLists) -> None:
    """Raise DatasetError where the logging policy left nothing to chance."""
    known = logged.logging[logged.shown]
    known = known[~np.isnan(known)]
    if len(known) and (known == 1).all():
        raise DatasetError(
            "no support: every propensity is 1, so the logging policy explored nothing, and its "
            "log cannot tell what other lists would bring; serve a share of them in random order"
        )


def check_support(logged: LoggedLists, weights: Weights, least: Least | None = None) -> None:
    """Raise DatasetError where the log cannot answer; the message says what is missing.

    That the mean weight is 1 is a test of the propensities themselves (Li, Kim and Zitouni,
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
        first = "the first place" if enough == 1 else f"the first {enough} places"
        shallower = f"ask for {first} only, or " if 0 < enough <= reached.max() else ""
        raise DatasetError(
            f"too little support: at place {worst + 1} the {len(weights):,} logged lists count as "
            f"{effective[worst]:.1f} that the policy would have shown, {least.effective_lists:g} "
            f"are needed; {shallower}gather "
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
    """Raise DatasetError where the weights of a place that can be tested are not 1 on average."""
    _, unit = np.unique(logged.unit, return_inverse=True)
    for place in np.flatnonzero(testable):
        shown = logged.shown[:, place]
        mean, error = _mean_of_units(weights[shown, place], unit[shown])
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
            f"no support: at place {place + 1} the weights are {mean:.3f} on average (standard "
            f"error {error:.3f}) where 1 is expected; {why}"
        )


def _mean_of_units(values: NDArray[np.float64], unit: NDArray[np.int64]) -> tuple[float, float]:
    """The mean of values and its standard error with units drawn as a whole."""
    mean = float(values.mean())
    spread = np.bincount(unit, values - mean)
    return mean, math.sqrt(float(spread @ spread)) / len(values)
