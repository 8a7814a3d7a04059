"""Arrivals are a Poisson process, decided by the seed alone."""

import numpy as np
from scipy import stats

from liverank.loadtest.arrivals import Arrivals

SECOND_NS = 1_000_000_000


def times(rate, seconds, *seed, start_ns=0):
    arrivals = Arrivals(rate, start_ns=start_ns, end_ns=start_ns + seconds * SECOND_NS, seed=seed)
    found = []
    while arrivals.next_ns is not None:
        found.append(arrivals.next_ns)
        arrivals.advance()
    return np.array(found)


def test_the_gaps_are_exponential_by_a_kolmogorov_smirnov_test():
    gaps = np.diff(times(500.0, 40, 1, 0), prepend=0) / SECOND_NS
    assert stats.kstest(gaps, stats.expon(scale=1 / 500).cdf).pvalue > 0.01


def test_the_processes_together_are_poisson_at_the_sum_of_their_rates():
    together = np.sort(np.concatenate([times(250.0, 40, 1, worker) for worker in range(4)]))
    gaps = np.diff(together, prepend=0) / SECOND_NS
    assert stats.kstest(gaps, stats.expon(scale=1 / 1000).cdf).pvalue > 0.01
    in_a_second = np.bincount(together // SECOND_NS)
    assert 0.5 < in_a_second.var() / in_a_second.mean() < 1.7  # evenly spaced: 0


def test_arrivals_lie_within_the_bounds_in_order_and_as_many_as_the_rate_says():
    found = times(1000.0, 20, 7, 0, start_ns=5 * SECOND_NS)
    assert found[0] >= 5 * SECOND_NS
    assert found[-1] < 25 * SECOND_NS
    assert (np.diff(found) >= 0).all()
    assert abs(len(found) - 20_000) < 4 * 20_000**0.5


def test_the_same_seed_gives_the_same_arrivals_and_another_gives_others():
    assert (times(100.0, 5, 3, 1) == times(100.0, 5, 3, 1)).all()
    assert times(100.0, 5, 3, 1)[0] != times(100.0, 5, 3, 2)[0]
