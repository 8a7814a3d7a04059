"""Intervals and p-values that hold at all times at once, for guardrails that are always watched.

They are wider than those of a planned number of looks, and need no plan. Sources: Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (Annals of Statistics 2024), which is Robbins' normal mixture; its p-value is that of the
mixture sequential probability ratio test of Johari, Koomen, Pekelis and Walsh (KDD 2017).
"""

import math

from scipy import optimize

from liverank.experiments.statistics.comparison import Interval


def always_valid_bound(alpha: float, units: float, tightest_at: float) -> float:
    r"""How many standard errors the interval reaches to each side, at this number of units.

    ``tightest_at`` is the number of units at which it is to be tightest, such as those of half the
    planned duration; it is chosen beforehand.

    >>> round(always_valid_bound(0.05, 10_000, 10_000), 2)
    3.04
    """
    mixture = _mixture(alpha, units / tightest_at)
    return math.sqrt((1 + 1 / mixture) * 2 * math.log(math.sqrt(1 + mixture) / alpha))


def confidence_sequence(
    difference: float, se: float, *, units: float, tightest_at: float, alpha: float = 0.05
) -> Interval:
    """An interval of the difference; with 1 - alpha it holds the truth at all looks together.

    ``units`` are those of both arms so far, in whose square root ``se`` falls.
    """
    half = always_valid_bound(alpha, units, tightest_at) * se
    return difference - half, difference + half


def always_valid_p(z: float, *, units: float, tightest_at: float, alpha: float = 0.05) -> float:
    """The p-value that goes with the sequence: below alpha just where it leaves zero out.

    ``alpha`` only sets where the sequence is tightest. Over all looks together p is ever below a
    level with at most that probability; the least seen so far is therefore valid too.

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
    best = optimize.brentq(
        lambda m: m - math.log1p(m) + 2 * math.log(alpha), 1e-9, 1e4 - 2 * math.log(alpha)
    )
    return time * float(best)
