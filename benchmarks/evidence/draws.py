"""Experiments drawn from a population: alarms over all looks, p-values, coverage and power."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from evidence.tables import LookTable, Population
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.ratio import RatioMetric
from liverank.experiments.reporting.sequence import Track, planned_looks, watched
from liverank.experiments.statistics.multiple import holm

ALPHA = 0.05
_Z = float(special.ndtri(1 - ALPHA / 2))


@dataclass
class NullDraws:
    """What A/A experiments of one metric came to; each array has a place for a draw.

    The looks at which an alarm was first seen are -1 where there was none.
    """

    ours: NDArray[np.int64]
    """By the group-sequential boundary."""
    always: NDArray[np.int64]
    """By the bound that is valid at all times."""
    peeking: NDArray[np.int64]
    """By p < alpha at any look, as if each were the only one."""
    p: NDArray[np.float64]
    """Of the last look alone."""
    impressions_p: NDArray[np.float64]
    """Of the last look, where each impression counts as independent; NaN for other metrics."""
    saved: NDArray[np.float64]
    """Share of variance that the covariate took away, at the last look."""


def null_draws(population: Population, metric: Metric, treated: NDArray[np.bool_]) -> NullDraws:
    """A/A experiments with these assignments, ``bool[n_draws, n_units]``."""
    tables, count = population.tables[metric.name], len(treated)
    found = NullDraws(
        *(np.full(count, -1) for _ in range(3)), *(np.full(count, np.nan) for _ in range(3))
    )
    for draw, arms in enumerate(treated):
        pairs = [table.summaries(metric, arms) for table in tables]
        planned = planned_looks(metric, pairs, population.clock, alpha=ALPHA)
        found.ours[draw] = _first(planned)
        found.always[draw] = _first(watched(metric, pairs, len(tables), alpha=ALPHA))
        found.peeking[draw] = next((k.number for k in planned.looks if abs(k.z) >= _Z), -1)
        last = metric.compare(*pairs[-1], level=1 - ALPHA)
        found.p[draw], found.saved[draw] = last.p, last.variance_saved
        if isinstance(metric, RatioMetric):
            found.impressions_p[draw] = _impressions_p(tables[-1], arms)
    return found


def alarms_by_look(first: NDArray[np.int64], looks: int) -> NDArray[np.float64]:
    """The share of draws with an alarm by each look, ``float64[looks]``.

    >>> alarms_by_look(np.array([-1, 0, 2, 2]), 3).tolist()
    [0.25, 0.25, 0.75]
    """
    return np.cumsum(np.bincount(first[first >= 0], minlength=looks)) / len(first)


def coverage(
    population: Population, metric: Metric, *, lift: float, draws: int, seed: int
) -> tuple[float, float]:
    """How often the intervals of difference and of lift hold a lift that was put in.

    The log's units at the last look are the whole population, from which the units of each draw
    come with replacement, so the truth is known: a factor on all that a unit did.
    """
    columns = population.tables[metric.name][-1].columns
    rng = np.random.default_rng(seed)
    truth = lift * _value(metric, columns)
    hits = np.zeros(2)
    for _ in range(draws):
        control, variant = _drawn(columns, len(columns), lift, rng)
        found = metric.compare(metric.summarise(control), metric.summarise(variant), level=0.95)
        hits += _holds(found.difference_ci, truth), _holds(found.lift_ci, lift)
    return float(hits[0] / draws), float(hits[1] / draws)


def power_at_end(
    population: Population, metric: Metric, *, lift: float, users: int, draws: int, seed: int
) -> float:
    """How often an experiment of so many users in all finds the lift, at one look at its end."""
    columns = population.tables[metric.name][-1].columns
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(draws):
        control, variant = _drawn(columns, users, lift, rng)
        one = metric.compare(metric.summarise(control), metric.summarise(variant), level=0.95)
        found += one.p < ALPHA and one.difference > 0
    return found / draws


def power_of_looks(
    population: Population, metric: Metric, treated: NDArray[np.bool_], *, lift: float
) -> float:
    """How often the boundary over all looks finds the lift, with these assignments."""
    found = 0
    for arms in treated:
        pairs = [table.summaries(metric, arms, lift) for table in population.tables[metric.name]]
        look = planned_looks(metric, pairs, population.clock, alpha=ALPHA).crossed_first
        found += look is not None and look.z > 0
    return found / len(treated)


def family_alarms(p: NDArray[np.float64]) -> float:
    """How often any metric is significant after Holm's correction; ``float64[n_draws, metrics]``.

    >>> family_alarms(np.array([[0.04, 0.2], [0.01, 0.5]]))
    0.5
    """
    return float(np.mean([min(holm(row.tolist())) < ALPHA for row in p]))


def uniform_p(p: NDArray[np.float64]) -> float:
    """The p-value of the test of Kolmogorov and Smirnov that p-values are uniform."""
    return float(stats.kstest(p[~np.isnan(p)], "uniform").pvalue)


def unit_variance(population: Population, metric: Metric) -> tuple[float, float]:
    """The metric's value at the last look, and the variance that each unit adds, adjusted."""
    columns = population.tables[metric.name][-1].columns
    half = metric.summarise(columns)
    found = metric.compare(half, half, level=0.95)
    return found.control, found.se**2 * len(columns) / 2


def _first(track: Track) -> int:
    look = track.crossed_first
    return -1 if look is None else look.number


def _drawn(
    columns: NDArray[np.float64], users: int, lift: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    drawn = columns[rng.integers(len(columns), size=users)]
    treated = rng.random(users) < 0.5
    variant = drawn[treated]
    variant[:, 0] *= 1 + lift
    return drawn[~treated], variant


def _value(metric: Metric, columns: NDArray[np.float64]) -> float:
    summary = metric.summarise(columns)
    return metric.compare(summary, summary, level=0.95).control


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _impressions_p(table: LookTable, arms: NDArray[np.bool_]) -> float:
    """The test of two shares of impressions, as if these were independent of each other."""
    chosen = arms[table.units]
    above = np.array([table.columns[~chosen, 0].sum(), table.columns[chosen, 0].sum()])
    below = np.array([table.columns[~chosen, 1].sum(), table.columns[chosen, 1].sum()])
    if not below.all():
        return np.nan
    share = above.sum() / below.sum()
    if share >= 1:
        return np.nan  # no share: more than one above for each below
    se = np.sqrt(share * (1 - share) * (1 / below).sum())
    return float(2 * special.ndtr(-abs(above[1] / below[1] - above[0] / below[0]) / se))
