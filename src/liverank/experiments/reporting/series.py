"""Summaries of all metrics of all arms at all looks, from which a report is computed.

The log is read once; a summary of a few numbers is stored per look and arm, so intervals over time,
boundaries and levels need no second pass over the units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.gathering.gathered import Amounts, Gathered
from liverank.experiments.gathering.views import BeforeView, looks
from liverank.experiments.metrics.covariates import with_covariates
from liverank.experiments.metrics.metric import Metric, PerUnit, Summary
from liverank.experiments.metrics.need import Need


@dataclass(frozen=True, slots=True)
class Series:
    """Summaries by look, metric and arm."""

    arms: tuple[str, ...]
    moments_ms: list[float]
    counts: NDArray[np.int64]
    """Units exposed by each look, ``int64[n_looks, n_arms]``."""
    summaries: list[dict[tuple[str, str], Summary]]
    """For each look, by the names of metric and arm."""
    last: dict[str, PerUnit]
    """Each metric per unit at the last look."""
    before: dict[str, PerUnit | None]
    """Each metric before the exposure; None if there is no covariate."""


def series_of(
    gathered: Gathered,
    metrics: Sequence[Metric],
    needs: dict[Need, Amounts],
    moments_ms: Sequence[float],
    arm_names: Sequence[str],
) -> Series:
    """Summarise all metrics of these arms at these times; an arm may have no units."""
    before = before_of(gathered, metrics)
    summaries: list[dict[tuple[str, str], Summary]] = []
    counts = np.zeros((len(moments_ms), len(arm_names)), np.int64)
    last: dict[str, PerUnit] = {}
    for number, view in enumerate(looks(gathered, needs, moments_ms)):
        arms = {name: exposed_by(gathered, name, view.at_ms) for name in arm_names}
        counts[number] = [arm.stop - arm.start for arm in arms.values()]
        found = {}
        for metric in metrics:
            last[metric.name] = metric.per_unit(view)
            for name, arm in arms.items():
                table = columns_of(gathered, last[metric.name], before[metric.name], arm)
                found[metric.name, name] = metric.summarise(table)
        summaries.append(found)
    return Series(tuple(arm_names), list(moments_ms), counts, summaries, last, before)


def before_of(gathered: Gathered, metrics: Sequence[Metric]) -> dict[str, PerUnit | None]:
    """Each metric over the days before the exposure, if the log covers at least one."""
    view = BeforeView(gathered)
    usable = gathered.pre_days > 0
    return {
        metric.name: metric.per_unit(view) if usable and metric.adjustable else None
        for metric in metrics
    }


def exposed_by(gathered: Gathered, arm: str, at_ms: float) -> slice:
    """The units of an arm that were exposed by a time."""
    units = gathered.arms.of(arm)
    count = np.searchsorted(gathered.exposed_ms[units], at_ms, side="right")
    return slice(units.start, units.start + int(count))


def columns_of(
    gathered: Gathered,
    now: PerUnit,
    before: PerUnit | None,
    units: slice | NDArray[np.intp],
) -> NDArray[np.float64]:
    """Columns to summarise, ``float64[n_counted, k]``, of the units that are counted so far."""
    rows: slice | NDArray[np.intp] = units
    if now.counted is not None:
        counted = now.counted[units]
        if not counted.all():
            all_rows = np.arange(units.start, units.stop) if isinstance(units, slice) else units
            rows = all_rows[counted]
    cut = PerUnit(tuple(column[rows] for column in now.values))
    earlier = None
    if before is not None:
        earlier = PerUnit(tuple(column[rows] for column in before.values))
    return with_covariates(cut, earlier, gathered.is_new[rows])
