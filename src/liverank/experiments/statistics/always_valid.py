"""Always-valid intervals and p-values, for guardrails that are monitored continuously.

They are wider than those for a planned number of looks, but need no plan. Sources: Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (Annals of Statistics 2024), which is Robbins' normal mixture; its p-value is that of the
mixture sequential probability ratio test of Johari, Koomen, Pekelis and Walsh (KDD 2017).
"""

import math
from functools import cache

from scipy import optimize

from liverank.experiments.statistics.comparison import Interval


def always_valid_bound(alpha: float, units: float, tightest_at: float) -> float:
    r"""Half width of the interval in standard errors, at this number of units.

    ``tightest_at`` is the number of units at which it is tightest, such as the number at half the
    planned duration; it must be chosen beforehand.

    >>> round(always_valid_bound(0.05, 10_000, 10_000), 2)
    3.04
    """
    mixture = _mixture(alpha, units / tightest_at)
    return math.sqrt((1 + 1 / mixture) * 2 * math.log(math.sqrt(1 + mixture) / alpha))


def confidence_sequence(
    difference: float, se: float, *, units: float, tightest_at: float, alpha: float = 0.05
) -> Interval:
    """An interval that covers the true difference at all looks with probability 1 - alpha.

    ``units`` is the number of units in both arms so far; ``se`` falls with its square root.
    """
    half = always_valid_bound(alpha, units, tightest_at) * se
    return difference - half, difference + half


def always_valid_p(z: float, *, units: float, tightest_at: float, alpha: float = 0.05) -> float:
    """The p-value of the sequence: below alpha exactly if its interval excludes zero.

    ``alpha`` only determines where the sequence is tightest. Over all looks together, the
    probability that p ever falls below a level is at most that level, so the smallest p so far is
    valid too.

    >>> round(always_valid_p(3.04, units=10_000, tightest_at=10_000), 2)
    0.05
    """
    mixture = _mixture(alpha, units / tightest_at)
    exponent = 0.5 * math.log1p(mixture) - z**2 / (2 * (1 + 1 / mixture))
    return math.exp(min(exponent, 0.0))


def _mixture(alpha: float, time: float) -> float:
    """Variance of the mixture over that of the mean, at ``time`` times the tightest moment.

    At the tightest moment m it minimises ``(1 + 1/m) log((1 + m) / alpha**2)``.
    """
    return time * _best_mixture(alpha)


@cache
def _best_mixture(alpha: float) -> float:
    found = optimize.brentq(
        lambda m: m - math.log1p(m) + 2 * math.log(alpha), 1e-9, 1e4 - 2 * math.log(alpha)
    )
    return float(found)
