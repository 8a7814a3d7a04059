"""What a policy would bring on average in a list, from weighted logged rewards.

    ips      each reward times its weight
    snips    the same, divided by what the weights of a place come to (self-normalised)
    dr       what a reward model predicts, and the weighted rest of each reward (doubly robust)

The standard error is that of a mean over lists whose unit (a user) is drawn as a whole.
Invariant: the estimates of the three forms of weights run through the same three functions.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from liverank.errors import DatasetError
from liverank.experiments.off_policy.bounds import Interval, empirical_bernstein
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.weights import Weights, effective_size

_MOST_HALF_WIDTHS = 5.0
"""Above so many times the value, a half width tells nothing, and its exponential less."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a policy would bring in a list, all its places together."""

    value: float
    se: float
    ci: Interval
    """By Student's t over units, of the logarithm where no reward is negative."""
    bound: Interval | None
    """Holds for any number of units (empirical Bernstein); None where no range is known."""
    by_place: tuple[float, ...]
    effective_lists: float
    """Kish's effective sample size at the place where it is smallest."""
    largest_weight: float
    lists: int
    units: int
    of_list: NDArray[np.float64] = field(repr=False)
    """float64[lists]: what each list adds; ``value`` is their mean."""


def ips(
    logged: LoggedLists, weights: Weights, *, level: float = 0.95, greatest: float | None = None
) -> Estimate:
    """Inverse propensity scores: unbiased, and of great variance where weights are large.

    ``greatest`` is the most that a list could ever count (the greatest weights times rewards,
    summed over places); with it the estimate has a bound.
    """
    gains = weights * _rewards(logged)
    return _estimate(logged, weights, gains, level, greatest)


def snips(logged: LoggedLists, weights: Weights, *, level: float = 0.95) -> Estimate:
    """Self-normalised inverse propensity scores: a little biased, of less variance.

    Each place is normalised by itself. Source: Swaminathan and Joachims, "The self-normalized
    estimator for counterfactual learning", NeurIPS 2015; the standard error linearises the ratio.
    Raises DatasetError where no list counts at a place.
    """
    rewards, shown = _rewards(logged), logged.shown
    total, reaching = weights.sum(axis=0), shown.sum(axis=0)
    if (total[reaching > 0] == 0).any():
        place = int(np.flatnonzero((total == 0) & (reaching > 0))[0])
        raise DatasetError(
            f"no support: of {reaching[place]:,} logged lists none shows at place {place + 1} what "
            "the policy would show there"
        )
    scale = np.divide(reaching, total, out=np.zeros(len(total)), where=total > 0)
    rates = (weights * rewards).sum(axis=0) * np.divide(scale, np.maximum(reaching, 1))
    # What each list adds to the ratio to first order, about the rate of its place.
    gains = weights * scale * (rewards - rates) + shown * rates
    return _estimate(logged, weights, gains, level, None)


def dr(
    logged: LoggedLists,
    weights: Weights,
    predicted: NDArray[np.float64],
    expected: NDArray[np.float64],
    *,
    cascade: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Doubly robust: unbiased whatever the reward model says, of less variance where it is good.

    ``predicted`` float64[n, places] is what the model says of each logged item at its place, and
    ``expected`` what it says on average of the items that the policy would show there (``cascade``:
    given those above). The model must not have learned from the same lists (cross-fitting).
    Sources: Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011;
    cascade: Kiyohara et al., "Doubly robust off-policy evaluation for ranking policies under the
    cascade behavior model", WSDM 2022.
    """
    shown = logged.shown
    if not np.isfinite(predicted[shown]).all() or not np.isfinite(expected[shown]).all():
        raise DatasetError("the reward model's predictions are not finite for an item in a list")
    before = np.ones_like(weights)
    if cascade:
        before[:, 1:] = weights[:, :-1]
    model = np.where(shown, before * expected, 0.0)
    rest = weights * np.where(shown, logged.rewards - predicted, 0.0)
    return _estimate(logged, weights, model + rest, level, None)


@dataclass(frozen=True, slots=True)
class Difference:
    """How two estimates from the same lists differ: the first less the second."""

    value: float
    ci: Interval


def difference(
    first: Estimate, second: Estimate, unit: NDArray[np.int64], *, level: float = 0.95
) -> Difference:
    """What one policy brings more than another in a list, estimated from the same logged lists.

    ``unit`` int64[lists] is that of the lists. What both have in common cancels out.
    """
    mean = _mean(first.of_list - second.of_list, unit, level)
    return Difference(mean.value, (mean.value - mean.half, mean.value + mean.half))


def logged_value(logged: LoggedLists, *, level: float = 0.95) -> Estimate:
    """What the logging policy itself brought in these lists."""
    return ips(logged, logged.shown.astype(np.float64), level=level)


def _rewards(logged: LoggedLists) -> NDArray[np.float64]:
    return np.where(logged.shown, logged.rewards, 0.0)


def _estimate(
    logged: LoggedLists,
    weights: Weights,
    gains: NDArray[np.float64],
    level: float,
    greatest: float | None,
) -> Estimate:
    """An estimate from what each place of each list adds to it, float64[n, places]."""
    of_list = gains.sum(axis=1)
    mean = _mean(of_list, logged.unit, level)
    bound = None
    if greatest is not None:
        share = mean.units / len(gains)
        bound = empirical_bernstein(
            mean.sums * share, 0.0, greatest * share * float(mean.sizes.max()), level
        )
    reached = logged.shown.any(axis=0)
    is_rate = bool((logged.rewards[logged.shown] >= 0).all())
    return Estimate(
        value=mean.value,
        se=mean.se,
        ci=_interval(mean.value, mean.half, is_rate),
        bound=bound,
        by_place=tuple(gains.mean(axis=0)[reached].tolist()),
        effective_lists=float(effective_size(weights)[reached].min()),
        largest_weight=float(weights.max()),
        lists=len(gains),
        units=mean.units,
        of_list=of_list,
    )


class _Mean(NamedTuple):
    """A mean over lists whose units are drawn as a whole, with half the width of its interval."""

    value: float
    se: float
    half: float
    sums: NDArray[np.float64]
    """Of each unit, over its lists."""
    sizes: NDArray[np.int64]
    """Lists of each unit."""

    @property
    def units(self) -> int:
        return len(self.sizes)


def _mean(of_list: NDArray[np.float64], unit: NDArray[np.int64], level: float) -> _Mean:
    _, number = np.unique(unit, return_inverse=True)
    sizes = np.bincount(number)
    units, lists = len(sizes), len(of_list)
    if units < 2:
        raise DatasetError(f"{lists:,} lists of {units} unit have no standard error; 2 are needed")
    value = float(of_list.mean())
    sums = np.bincount(number, of_list).astype(np.float64)
    spread = sums - value * sizes
    se = math.sqrt(float(spread @ spread) * units / (units - 1)) / lists
    half = float(student.ppf(0.5 + level / 2, units - 1)) * se
    return _Mean(value, se, half, sums, sizes)


def _interval(value: float, half: float, is_rate: bool) -> Interval:
    """The interval of a value by its half width.

    A rate is not negative, and few successes make its estimate skewed: so its interval is that of
    its logarithm, and reaches as far in proportion on both sides.
    """
    if is_rate and value > 0 and half < _MOST_HALF_WIDTHS * value:
        factor = math.exp(half / value)
        return value / factor, value * factor
    return value - half, value + half
