"""A log as tables of units by look, made once, so that thousands of assignments can be drawn.

What a metric knows of a unit at a look does not depend on its arm where nobody is treated: the
product's own code makes the tables, and only the arms are drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.views import looks, needs_of
from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.mean import MeanMetric
from liverank.experiments.metrics.metric import Metric, Summary
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.metrics.participation import Participation
from liverank.experiments.metrics.quantile import QuantileMetric
from liverank.experiments.metrics.ratio import RatioMetric
from liverank.experiments.metrics.retention import Retention
from liverank.experiments.reporting.series import before_of, columns_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LookTable:
    """One metric at one look: the units that are counted, and their columns."""

    units: NDArray[np.intp]
    columns: Floats
    """``float64[len(units), k]``."""

    def summaries(
        self, metric: Metric, treated: NDArray[np.bool_], lift: float = 0.0
    ) -> tuple[Summary, Summary]:
        """The control's and the variant's, for ``bool[n_units]``; what the latter did is lifted."""
        chosen = treated[self.units]
        variant = self.columns[chosen]
        variant[:, 0] *= 1 + lift
        return metric.summarise(self.columns[~chosen]), metric.summarise(variant)


@dataclass(frozen=True)
class Population:
    """A log, ready to be split."""

    name: str
    units: int
    metrics: tuple[Metric, ...]
    clock: list[float]
    """Each look's share of the planned time."""
    tables: dict[str, list[LookTable]]
    """By metric, one for each look."""


def metrics_over(days: float) -> tuple[Metric, ...]:
    """One metric of each kind, for an experiment of so many days."""
    window = int(days * DAY_MS)
    return (
        Participation("participation", window, ("join",)),
        RatioMetric("ratio", "join", "impression", window),
        MeanMetric("mean", "join", window),
        Retention("retention", window // 4, window // 2, ("join",)),
        QuantileMetric("quantile", "join", 0.9, window, value=False),
    )


def population(
    name: str,
    log: pl.DataFrame,
    *,
    metrics: Sequence[Metric],
    from_ms: int,
    days: float,
    looks_per_day: int,
) -> Population:
    """Gather a log from ``from_ms`` on, and look at it at even times."""
    needs = tuple(need for metric in metrics for need in metric.needs())
    wanted = Wanted(experiment=None, needs=needs, from_ms=from_ms, until_ms=from_ms + days * DAY_MS)
    gathered = gather([log.select(wanted.columns)], wanted)
    count = round(days * looks_per_day)
    clock = [(place + 1) / count for place in range(count)]
    moments = [from_ms + share * days * DAY_MS for share in clock]
    before = before_of(gathered, metrics)
    tables: dict[str, list[LookTable]] = {metric.name: [] for metric in metrics}
    for view in looks(gathered, needs_of(gathered, metrics), moments):
        exposed = np.flatnonzero(view.exposed)
        for metric in metrics:
            now = metric.per_unit(view)
            units = exposed if now.counted is None else exposed[now.counted[exposed]]
            columns = columns_of(gathered, now, before[metric.name], exposed)
            tables[metric.name].append(LookTable(units, columns))
    return Population(name, gathered.units, tuple(metrics), clock, tables)
