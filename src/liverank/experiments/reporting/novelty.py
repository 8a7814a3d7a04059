"""Tests whether an effect fades or grows with the days since each unit's exposure.

The days of one unit are correlated, so the trend is tested on one number a unit: the slope over its
days. Only units observed on all of these days are included.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.analysis.words import p_words
from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.gathering.views import Days, DayView
from liverank.experiments.metrics.metric import Metric, PerUnit
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.effects import effect_of
from liverank.experiments.reporting.facts import DayEffect, Novelty
from liverank.experiments.reporting.series import columns_of, exposed_by
from liverank.experiments.statistics.comparison import compare_means
from liverank.experiments.statistics.moments import Moments

_LEAST_DAYS = 3
_LEAST_UNITS = 100
_LEVEL = 0.95


def novelty_of(
    gathered: Gathered,
    days: Days,
    metric: Metric,
    variants: tuple[str, str],
    *,
    until_ms: float,
) -> Novelty | None:
    """The effect of a variant by day; None if too few days are over.

    ``variants`` are the names of the control and the variant.
    """
    trend_days = _trend_days(gathered, variants, until_ms)
    window = max(need.until_ms for need in metric.needs()) // DAY_MS
    trend_days = min(trend_days, int(window))
    if trend_days < _LEAST_DAYS:
        return None
    shown: list[DayEffect] = []
    arms = [exposed_by(gathered, name, until_ms - trend_days * DAY_MS) for name in variants]
    slopes = [np.zeros(arm.stop - arm.start) for arm in arms]
    middle = (trend_days - 1) / 2
    spread = sum((day - middle) ** 2 for day in range(trend_days))
    for day in range(min(_days_over(gathered, variants, until_ms), int(window))):
        per_unit = metric.per_unit(DayView(days, day))
        there = [exposed_by(gathered, name, until_ms - (day + 1) * DAY_MS) for name in variants]
        sides = [metric.summarise(columns_of(gathered, per_unit, None, arm)) for arm in there]
        shown.append(DayEffect(day=day + 1, effect=effect_of(metric.compare(*sides, level=_LEVEL))))
        if day < trend_days:
            for slope, values in zip(slopes, _linear(per_unit, arms), strict=True):
                slope += values * ((day - middle) / spread)
    trend = compare_means(*(Moments.of(slope) for slope in slopes), level=_LEVEL)
    first = shown[0].effect
    return Novelty(
        days=tuple(shown),
        trend_days=trend_days,
        trend_units=sum(map(len, slopes)),
        change_per_day=trend.difference,
        change_ci=trend.difference_ci,
        p=trend.p,
        sentence=_sentence(trend.difference, trend.p, first.difference, trend_days),
    )


def _linear(per_unit: PerUnit, arms: Sequence[slice]) -> list[NDArray[np.float64]]:
    """Values whose mean is the metric's, up to a constant; for a ratio by the delta method."""
    if len(per_unit.values) == 1:
        return [per_unit.values[0][arm] for arm in arms]
    above, below = per_unit.values
    total = sum(float(below[arm].sum()) for arm in arms)
    units = sum(arm.stop - arm.start for arm in arms)
    if not total:
        return [np.zeros(arm.stop - arm.start) for arm in arms]
    ratio = sum(float(above[arm].sum()) for arm in arms) / total
    return [(above[arm] - ratio * below[arm]) / (total / units) for arm in arms]


def _trend_days(gathered: Gathered, variants: Sequence[str], until_ms: float) -> int:
    """The largest number of days for which at least half of the units were observed."""
    exposed = [gathered.exposed_ms[exposed_by(gathered, name, until_ms)] for name in variants]
    if min(map(len, exposed)) < _LEAST_UNITS // 2:
        return 0
    return int((until_ms - float(np.median(np.concatenate(exposed)))) // DAY_MS)


def _days_over(gathered: Gathered, variants: Sequence[str], until_ms: float) -> int:
    """The last day on which each arm has enough units to compare."""
    least = _LEAST_UNITS // 2
    days = []
    for name in variants:
        exposed = gathered.exposed_ms[exposed_by(gathered, name, until_ms)]
        days.append((until_ms - float(exposed[least - 1])) // DAY_MS)
    return int(min(days))


def _sentence(change: float, p: float, first: float, days: int) -> str:
    if math.isnan(p):
        return "Whether the effect changes with time is unknown."
    if p >= 1 - _LEVEL:
        return (
            f"No trend over the first {days} days since exposure (p {p_words(p)}): "
            "there is no sign of a novelty effect."
        )
    if change * first < 0:
        return (
            f"The effect shrinks over the first {days} days since exposure (p {p_words(p)}): "
            "part of it may be novelty, so expect less in the long run."
        )
    return (
        f"The effect grows over the first {days} days since exposure (p {p_words(p)}): "
        "people may need time to get used to it."
    )
