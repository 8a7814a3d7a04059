"""The power of a test, and the number of users needed for a power.

The test is Welch's, so its power is by the noncentral t; with several looks it is the probability
of crossing the boundary. Source: Cohen, "Statistical Power Analysis" (1988), chapter 2; Jennison
and Turnbull, "Group Sequential Methods" (2000), chapter 2, for the cost of several looks.
"""

import math
from collections.abc import Sequence

from scipy import optimize, special, stats

from liverank.errors import ExperimentError
from liverank.experiments.statistics.sequential import (
    Spending,
    crossing_probabilities,
    spending,
)


def power_of(
    difference: float, variance: float, n_control: float, n_variant: float, *, alpha: float = 0.05
) -> float:
    """The power to detect a difference of two means; ``variance`` is the variance over units.

    >>> round(power_of(0.1, 1.0, 1571, 1571), 3)
    0.8
    """
    first, second = variance / n_control, variance / n_variant
    se = math.sqrt(first + second)
    df = (first + second) ** 2 / (first**2 / (n_control - 1) + second**2 / (n_variant - 1))
    edge = special.stdtrit(df, 1 - alpha / 2)
    away = abs(difference) / se
    if away > edge + 8:  # the noncentral t is not computed reliably there
        return 1.0
    if df > 1e6:  # and here it is the normal
        return float(special.ndtr(away - edge) + special.ndtr(-away - edge))
    other_side = stats.nct.cdf(-edge, df, away) if away < 3 else 0.0
    return float(stats.nct.sf(edge, df, away) + other_side)


def users_needed(
    difference: float,
    variance: float,
    *,
    variant_share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
    inflation: float = 1.0,
) -> int:
    """Users of both arms together needed to detect a difference of means with this power.

    ``variant_share`` is the variant's share of both arms; ``inflation`` is the cost of several
    looks, from ``looking_costs``. Raises ExperimentError if difference or variance is 0.

    >>> users_needed(0.1, 1.0)
    3142
    """
    if not (difference and variance > 0 and math.isfinite(difference) and math.isfinite(variance)):
        raise ExperimentError(
            f"a difference of {difference} with a variance of {variance} has no number of users; "
            "give a difference other than 0 and a variance above 0"
        )
    if not 0 < variant_share < 1:
        raise ExperimentError(f"the variant's share is {variant_share}; it is between 0 and 1")

    def missing(log_users: float) -> float:
        users = math.exp(log_users)
        n_variant = max(users * variant_share, 2.0)
        n_control = max(users * (1 - variant_share), 2.0)
        return power_of(difference, variance, n_control, n_variant, alpha=alpha) - power

    low, high = math.log(4.0), math.log(1e15)
    if missing(low) >= 0:
        return 4
    if missing(high) < 0:
        raise ExperimentError(
            f"a difference of {difference:g} would take more than 1e15 users; look for a larger one"
        )
    return math.ceil(math.exp(optimize.brentq(missing, low, high, xtol=1e-9)) * inflation)


def looking_costs(
    fractions: Sequence[float],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    kind: Spending = "obrien_fleming",
) -> float:
    """Factor on the users with which these looks have the power of a single look.

    >>> round(looking_costs([0.2, 0.4, 0.6, 0.8, 1.0]), 3)
    1.025
    """
    bounds = spending(alpha, fractions, kind)

    def missing(drift: float) -> float:
        return float(crossing_probabilities(bounds, fractions, drift).sum()) - power

    single = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    return float((optimize.brentq(missing, 0.1, 3 * single) / single) ** 2)
