"""Tests if units were split between the arms as planned; if not, no result can be trusted.

Sources: Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments" (KDD
2019); for looks at any time, Lindon and Malek, "Anytime-Valid Inference for Multinomial Count
Data" (NeurIPS 2022).
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from liverank.errors import ExperimentError

ALARM = 0.001
"""p-value below which a split is broken; small, since every experiment is tested."""

_EXACT_BELOW = 1000
_MOST_OUTCOMES = 200_000
CONCENTRATION = 1000.0
"""Concentration of the sequential test's Dirichlet prior: deviations of about 1.6 % of units."""


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The p-value of these counts of units, if the shares are as planned.

    With two arms it is the exact binomial test below 1000 units, otherwise the normal one with a
    continuity correction; with more arms the exact multinomial test for few units, otherwise
    Pearson's chi-square. Shares need not add up to 1. NaN if there are no units.

    >>> round(sample_ratio([821, 749], [1, 1]), 3)
    0.073
    """
    expected = _normalised(counts, shares)
    total = sum(counts)
    if total == 0:
        return math.nan
    if len(counts) == 2:
        return _two_arms(counts[0], total, expected[0])
    if total < _EXACT_BELOW and math.comb(total + len(counts) - 1, total) <= _MOST_OUTCOMES:
        return _exact(counts, expected)
    return float(stats.chisquare(counts, expected * total).pvalue)


def sequential_sample_ratio(
    counts: NDArray[np.int64], shares: Sequence[float], concentration: float = CONCENTRATION
) -> NDArray[np.float64]:
    """The p-value at each look, ``float64[n_looks]``, valid for any number of looks.

    ``counts``, ``int64[n_looks, n_arms]``, are totals up to each look. If the split is as planned,
    the probability that p ever falls to alpha is at most alpha. p never rises.

    >>> looks = np.array([[10, 12], [480, 520], [4700, 5300]])
    >>> sequential_sample_ratio(looks, [1, 1]).round(4).tolist()
    [1.0, 0.9479, 0.0]
    """
    expected = _normalised(counts[-1].tolist(), shares)
    prior = concentration * expected
    log_bayes = (
        special.gammaln(concentration)
        - special.gammaln(concentration + counts.sum(axis=1))
        + (special.gammaln(prior + counts) - special.gammaln(prior)).sum(axis=1)
        - counts @ np.log(expected)
    )
    return np.minimum.accumulate(np.exp(np.minimum(-log_bayes, 0.0)))


def _normalised(counts: Sequence[int], shares: Sequence[float]) -> NDArray[np.float64]:
    if len(counts) != len(shares) or len(shares) < 2 or min(shares) <= 0:
        raise ExperimentError(
            f"{len(counts)} arms and the expected shares {list(shares)}; "
            "give each of two or more arms a share above 0"
        )
    return np.asarray(shares, dtype=np.float64) / sum(shares)


def _two_arms(count: int, total: int, share: float) -> float:
    if total < _EXACT_BELOW:
        return float(stats.binomtest(count, total, share).pvalue)
    apart = max(abs(count - total * share) - 0.5, 0.0)
    return float(2 * special.ndtr(-apart / math.sqrt(total * share * (1 - share))))


def _exact(counts: Sequence[int], shares: NDArray[np.float64]) -> float:
    """The probability of all outcomes that are at most as likely as this one."""
    total = sum(counts)
    cuts = itertools.combinations(range(total + len(counts) - 1), len(counts) - 1)
    bounds = np.array(list(cuts))
    edges = np.pad(
        bounds, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, total + len(counts) - 1))
    )
    outcomes = np.diff(edges, axis=1) - 1
    log_p = stats.multinomial.logpmf(outcomes, total, shares)
    own = stats.multinomial.logpmf(np.array(counts), total, shares)
    return float(min(1.0, np.exp(log_p[log_p <= own + 1e-9]).sum()))
