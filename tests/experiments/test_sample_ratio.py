"""The sample-ratio check, held to tea-tasting, SciPy, plain enumeration, and looks without end."""

import itertools
import math

import numpy as np
import polars as pl
import pytest
import tea_tasting as tt
from scipy import stats

from liverank.errors import ExperimentError
from liverank.experiments.statistics.sample_ratio import sample_ratio, sequential_sample_ratio


@pytest.mark.parametrize("counts", [(40, 60), (5000, 5200), (50_000, 50_700), (10, 0)])
@pytest.mark.parametrize("ratio", [1.0, 0.25])
def test_two_arms_are_checked_as_by_tea_tasting(counts: tuple[int, int], ratio: float) -> None:
    variant = np.repeat([0, 1], counts)
    if counts[1] == 0:
        told = stats.binomtest(0, counts[0], ratio / (1 + ratio)).pvalue
    else:
        experiment = tt.Experiment(metric=tt.SampleRatio(ratio))
        told = experiment.analyze(pl.DataFrame({"variant": variant}))["metric"].pvalue
    assert sample_ratio(counts, [1.0, ratio]) == pytest.approx(told, rel=1e-9)


def test_many_units_in_three_arms_are_checked_by_chi_square() -> None:
    told = stats.chisquare([5000, 5100, 9900], [5000, 5000, 10_000]).pvalue
    assert sample_ratio([5000, 5100, 9900], [1, 1, 2]) == pytest.approx(told)


def test_few_units_in_three_arms_are_checked_by_all_their_outcomes() -> None:
    shares, counts, total = (0.5, 0.3, 0.2), (2, 2, 6), 10
    chance = {
        outcome: math.prod(share**count for share, count in zip(shares, outcome, strict=True))
        * math.factorial(total)
        / math.prod(math.factorial(count) for count in outcome)
        for outcome in itertools.product(range(total + 1), repeat=3)
        if sum(outcome) == total
    }
    told = sum(each for each in chance.values() if each <= chance[counts] * (1 + 1e-9))
    assert sample_ratio(counts, shares) == pytest.approx(told)


def test_no_units_give_no_p() -> None:
    assert math.isnan(sample_ratio([0, 0], [1, 1]))


@pytest.mark.parametrize("shares", [[1.0], [1.0, 0.0], [1.0, 1.0, 1.0]])
def test_shares_that_do_not_fit_the_arms_are_refused(shares: list[float]) -> None:
    with pytest.raises(ExperimentError, match="each of two or more arms a share above 0"):
        sample_ratio([5, 5], shares)


def slow_sequential_p(counts: np.ndarray, shares: np.ndarray, concentration: float) -> float:
    """One over the Bayes factor, unit by unit: what the prior foretold against what was planned."""
    log_bayes, seen = 0.0, np.zeros(len(shares))
    for arm in np.repeat(np.arange(len(shares)), counts):
        foretold = (concentration * shares[arm] + seen[arm]) / (concentration + seen.sum())
        log_bayes += math.log(foretold / shares[arm])
        seen[arm] += 1
    return min(1.0, math.exp(-log_bayes))


def test_the_sequential_check_is_the_plain_bayes_factor() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    counts = np.array([[90, 80, 30]])
    found = sequential_sample_ratio(counts, shares.tolist(), 100.0)
    assert found[0] == pytest.approx(slow_sequential_p(counts[0], shares, 100.0))


def test_looking_a_hundred_times_raises_no_false_alarms_and_finds_a_broken_split() -> None:
    random = np.random.default_rng(4)

    def least(share: float) -> float:
        arrivals = random.binomial(400, share, 100)
        counts = np.cumsum(np.column_stack([arrivals, 400 - arrivals]), axis=0)
        return float(sequential_sample_ratio(counts, [1, 1])[-1])

    alarms = [least(0.5) <= 0.05 for _ in range(2000)]
    assert np.mean(alarms) <= 0.05
    assert np.mean([least(0.48) <= 0.001 for _ in range(100)]) > 0.95
