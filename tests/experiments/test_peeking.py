"""Looking every day raises no more false alarms than the plan allows."""

import numpy as np
import pytest

from liverank.experiments.metrics.mean import MeanMetric
from liverank.experiments.metrics.metric import Metric, Summary
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.metrics.participation import Participation
from liverank.experiments.reporting.sequence import Pair, planned_looks, watched

DAYS = 6
USERS = 200
DRAWS = 200
CLOCK = [(day + 1) / DAYS for day in range(DAYS)]


def pairs_of(rng: np.random.Generator, metric: Metric, lift: float = 0.0) -> list[Pair]:
    """Two arms whose people come over the days and are active at rates of their own."""
    sides: list[list[Summary]] = []
    for effect in (1.0, 1.0 + lift):
        came = rng.integers(0, DAYS - 1, USERS)
        rate = rng.gamma(2.0, 0.2, USERS) * effect
        done = rng.poisson(rate[:, None], (USERS, DAYS))
        done[np.arange(DAYS) < came[:, None]] = 0
        looks = []
        for day in range(DAYS):
            there = came <= day
            if isinstance(metric, Participation):
                active = (done[there, : day + 1] > 0).sum(axis=1)
                columns = np.column_stack([active, day + 1.0 - came[there]])
            else:
                columns = done[there, : day + 1].sum(axis=1)[:, None].astype(float)
            looks.append(metric.summarise(columns))
        sides.append(looks)
    return list(zip(*sides, strict=True))


@pytest.mark.parametrize(
    "metric", [MeanMetric("m", "click", 9 * DAY_MS), Participation("m", 9 * DAY_MS)]
)
def test_the_boundary_is_crossed_without_an_effect_as_often_as_planned(metric: Metric) -> None:
    rng = np.random.default_rng(11)
    crossed = naive = covered = 0
    for _ in range(DRAWS):
        track = planned_looks(metric, pairs_of(rng, metric), CLOCK, alpha=0.05)
        crossed += track.crossed_first is not None
        naive += any(abs(look.z) > 1.96 for look in track.looks)
        covered += all(
            not look.comparison.difference_ci[0] > 0 and not look.comparison.difference_ci[1] < 0
            for look in track.looks
        )
    # four standard errors of a share of 5 % over so many draws
    assert crossed / DRAWS < 0.05 + 4 * (0.05 * 0.95 / DRAWS) ** 0.5
    assert naive / DRAWS > 0.1
    assert covered / DRAWS > 0.95 - 4 * (0.05 * 0.95 / DRAWS) ** 0.5


def test_a_guardrail_watched_at_all_times_raises_no_more_false_alarms() -> None:
    metric = MeanMetric("m", "hide", 9 * DAY_MS)
    rng = np.random.default_rng(12)
    crossed = 0
    for _ in range(DRAWS):
        track = watched(metric, pairs_of(rng, metric), DAYS, alpha=0.05)
        crossed += track.crossed_first is not None
    assert crossed / DRAWS < 0.05 + 4 * (0.05 * 0.95 / DRAWS) ** 0.5
    harmed = watched(metric, pairs_of(rng, metric, lift=0.6), DAYS, alpha=0.05)
    assert harmed.crossed_first is not None
    assert harmed.p < 0.05


def test_p_is_below_alpha_just_where_the_boundary_was_crossed() -> None:
    metric = MeanMetric("m", "click", 9 * DAY_MS)
    rng = np.random.default_rng(13)
    verdicts = set()
    for lift in (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5):
        track = planned_looks(metric, pairs_of(rng, metric, lift=lift), CLOCK, alpha=0.05)
        assert (track.p < 0.05) == (track.crossed_first is not None)
        verdicts.add(track.p < 0.05)
    assert verdicts == {True, False}
