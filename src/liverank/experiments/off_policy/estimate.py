"""Estimates the mean reward of a list under a policy, from weighted logged rewards.

    ips      each reward times its weight
    snips    the same, divided by the sum of the weights at a position (self-normalised)
    dr       the prediction of a reward model plus the weighted residuals (doubly robust)

Standard errors are clustered by unit (a user).
Invariant: the same three functions serve all three forms of weights.
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
"""Largest half width, as a multiple of the value, for an interval of the logarithm."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean reward of a list under a policy, over all its positions together."""

    value: float
    se: float
    ci: Interval
    """Confidence interval by Student's t over units, of the logarithm if no reward is negative."""
    bound: Interval | None
    """Interval for any number of units (empirical Bernstein); None if no range is known."""
    by_position: tuple[float, ...]
    effective_lists: float
    """Kish's effective sample size at the position where it is smallest."""
    largest_weight: float
    lists: int
    units: int
    of_list: NDArray[np.float64] = field(repr=False)
    """float64[lists]: the contribution of each list; ``value`` is their mean."""


def ips(
    logged: LoggedLists, weights: Weights, *, level: float = 0.95, greatest: float | None = None
) -> Estimate:
    """Inverse propensity scores: unbiased, with high variance where weights are large.

    ``greatest`` is the largest possible contribution of a list (the largest weights times rewards,
    summed over positions); with it the estimate has a bound.
    """
    gains = weights * _rewards(logged)
    return _estimate(logged, weights, gains, level, greatest)


def snips(logged: LoggedLists, weights: Weights, *, level: float = 0.95) -> Estimate:
    """Self-normalised inverse propensity scores: slightly biased, with less variance.

    Each position is normalised by itself. Source: Swaminathan and Joachims, "The self-normalized
    estimator for counterfactual learning", NeurIPS 2015; the standard error linearises the ratio.
    Raises DatasetError if all weights at a position are 0.
    """
    rewards, shown = _rewards(logged), logged.shown
    total, reaching = weights.sum(axis=0), shown.sum(axis=0)
    if (total[reaching > 0] == 0).any():
        position = int(np.flatnonzero((total == 0) & (reaching > 0))[0])
        raise DatasetError(
            f"no support: of {reaching[position]:,} logged lists none shows at position "
            f"{position + 1} what the policy would show there"
        )
    scale = np.divide(reaching, total, out=np.zeros(len(total)), where=total > 0)
    rates = (weights * rewards).sum(axis=0) * np.divide(scale, np.maximum(reaching, 1))
    # the contribution of each list to the ratio to first order, about the rate of its position
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
    """Doubly robust: unbiased whatever the reward model predicts, with less variance if it is good.

    ``predicted`` float64[n, positions] is the prediction for each logged item at its position,
    ``expected`` the mean prediction over the items that the policy would show there (``cascade``:
    given those above). The model must not be trained on the same lists (cross-fitting).
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
    """The difference of two estimates from the same lists: the first minus the second."""

    value: float
    ci: Interval


def difference(
    first: Estimate, second: Estimate, unit: NDArray[np.int64], *, level: float = 0.95
) -> Difference:
    """The first policy's reward of a list minus the second's, estimated from the same logged lists.

    ``unit`` int64[lists] is the unit of each list. Variance that both share cancels out.
    """
    mean = _mean(first.of_list - second.of_list, unit, level)
    return Difference(mean.value, (mean.value - mean.half, mean.value + mean.half))


def logged_value(logged: LoggedLists, *, level: float = 0.95) -> Estimate:
    """The mean reward of these lists as the logging policy served them."""
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
    """An estimate from the contributions of each position of each list, float64[n, positions]."""
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
        by_position=tuple(gains.mean(axis=0)[reached].tolist()),
        effective_lists=float(effective_size(weights)[reached].min()),
        largest_weight=float(weights.max()),
        lists=len(gains),
        units=mean.units,
        of_list=of_list,
    )


class _Mean(NamedTuple):
    """A mean over lists, clustered by unit, with the half width of its interval."""

    value: float
    se: float
    half: float
    sums: NDArray[np.float64]
    """Sum over the lists of each unit."""
    sizes: NDArray[np.int64]
    """Number of lists of each unit."""

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
    """The interval of a value, from its half width.

    A rate is not negative, and few successes make its estimate skewed, so its interval is computed
    for its logarithm.
    """
    if is_rate and value > 0 and half < _MOST_HALF_WIDTHS * value:
        factor = math.exp(half / value)
        return value / factor, value * factor
    return value - half, value + half
