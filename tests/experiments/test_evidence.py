"""The evidence for the statistics of experiments, in small: `benchmarks/bench_evidence.py`."""

import numpy as np
import pytest

from evidence.draws import coverage, family_alarms, null_draws, power_of_looks, unit_variance
from evidence.logs import DAY_MS, PRE_DAYS, START_MS, made_log
from evidence.splits import false_alarms
from evidence.tables import Population, metrics_over, population
from liverank.experiments.metrics.metric import Metric

METRICS = {metric.name: metric for metric in metrics_over(7)}


@pytest.fixture(scope="module")
def made() -> Population:
    """600 people over a week, with a look at each day's end."""
    return population(
        "a made log",
        made_log(users=600, days=7, seed=1),
        metrics=tuple(METRICS.values()),
        from_ms=START_MS + PRE_DAYS * DAY_MS,
        days=7,
        looks_per_day=1,
    )


@pytest.fixture(scope="module")
def treated(made: Population) -> np.ndarray:
    return np.random.default_rng(7).random((80, made.units)) < 0.5


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_looking_every_day_makes_no_more_false_alarms_than_stated(
    made: Population, treated: np.ndarray, metric: Metric
) -> None:
    found = null_draws(made, metric, treated)
    most = 0.05 + 3 * (0.05 * 0.95 / len(treated)) ** 0.5
    assert np.mean(found.ours >= 0) <= most
    assert np.mean(found.always >= 0) <= most
    assert np.mean(found.peeking >= 0) > np.mean(found.ours >= 0)
    assert family_alarms(found.p[~np.isnan(found.p)][:, None]) <= most


def test_impressions_of_one_person_are_not_independent(
    made: Population, treated: np.ndarray
) -> None:
    found = null_draws(made, METRICS["ratio"], treated[:40])
    assert np.mean(found.impressions_p < 0.05) > 0.4


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_intervals_hold_the_lift_that_was_put_in(made: Population, metric: Metric) -> None:
    for held in coverage(made, metric, lift=0.1, draws=500, seed=11):
        assert held == pytest.approx(0.95, abs=0.03)


def test_the_looks_together_find_an_effect_as_often_as_a_plan_says(
    made: Population, treated: np.ndarray
) -> None:
    value, variance = unit_variance(made, METRICS["ratio"])
    lift = 2.9 * (4 * variance / made.units) ** 0.5 / value
    found = power_of_looks(made, METRICS["ratio"], treated, lift=lift)
    assert 0.65 <= found <= 0.94


def test_a_sound_split_is_called_broken_no_more_often_than_stated_however_often_one_looks() -> None:
    ours, plain = false_alarms(level=0.05, draws=400, seed=5)
    assert ours <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5
    assert plain > 0.1
