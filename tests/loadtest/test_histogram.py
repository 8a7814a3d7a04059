"""Latencies in buckets, held to the exact quantiles of the values themselves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.loadtest.histogram import MAX_US, Counts, Histogram

values_us = st.lists(
    st.one_of(st.integers(0, 5000), st.integers(0, MAX_US)), min_size=1, max_size=300
)


def filled(values):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact(values, share):
    return sorted(values)[max(1, math.ceil(share * len(values) - 1e-9 * len(values))) - 1]


@given(values_us, st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_quantile_is_never_below_the_exact_one_and_at_most_a_thousandth_above(values, share):
    found, truth = filled(values).quantile_us(share), exact(values, share)
    assert truth <= found <= truth * 1.001


def test_quantiles_of_many_latencies_agree_with_numpy():
    values = np.random.default_rng(1).lognormal(8, 1.2, 100_000).astype(int)
    histogram = filled(values.tolist())
    for share in (0.5, 0.9, 0.99, 0.999):
        truth = np.quantile(values, share, method="inverted_cdf")
        assert histogram.quantile_us(share) == pytest.approx(truth, rel=0.001)
    assert histogram.max_us == values.max()
    assert histogram.mean_us() == pytest.approx(values.mean())


@given(values_us, values_us)
def test_adding_counts_of_two_processes_is_counting_all_values_in_one(first, second):
    both, other = filled(first), filled(second)
    both.add(other.to_counts())
    together = filled(first + second)
    assert both.to_counts() == together.to_counts()
    assert (both.count, both.sum_us, both.max_us) == (
        len(first + second),
        sum(first + second),
        max(first + second),
    )


@given(st.integers(0, MAX_US))
def test_a_value_lies_in_the_bucket_that_is_told_for_it(value):
    ((highest, count),) = filled([value]).filled()
    assert count == 1
    assert value <= highest <= value * 1.001


def test_values_outside_count_as_the_bounds():
    histogram = filled([-5, 10 * MAX_US])
    assert (histogram.quantile_us(0), histogram.max_us, histogram.count) == (0, MAX_US, 2)


def test_an_empty_histogram_knows_nothing():
    histogram = Histogram()
    assert histogram.quantile_us(0.5) is None
    assert histogram.mean_us() is None


def test_a_share_that_is_none_and_a_bucket_that_does_not_exist_are_refused():
    with pytest.raises(ValueError, match=r"1.5: expected a share"):
        filled([1]).quantile_us(1.5)
    with pytest.raises(ValueError, match="expected a bucket"):
        Histogram().add(Counts({10**6: 1}, 1, 1))
