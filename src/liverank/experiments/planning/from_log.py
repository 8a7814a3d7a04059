"""Estimates baselines and traffic from a log's newest days, as if an experiment had run then."""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import polars as pl

from liverank.errors import ExperimentError
from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.views import needs_of
from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.planning.baseline import Baseline
from liverank.experiments.planning.traffic import Traffic, traffic_of
from liverank.experiments.reporting.series import before_of, columns_of, series_of

_LEAST_USERS = 20


class Window(msgspec.Struct, frozen=True):
    """The newest days of a log."""

    from_ms: float
    now_ms: float

    @property
    def days(self) -> int:
        """Length in whole days."""
        return int((self.now_ms - self.from_ms) // DAY_MS)


class FromLog(msgspec.Struct, frozen=True, kw_only=True):
    """Baselines and traffic from a log, before an experiment."""

    baselines: tuple[Baseline, ...]
    traffic: Traffic
    days: int
    """Number of days that were measured."""
    pre_days: int
    users: int
    missing: tuple[str, ...]
    """Metrics without any events in the log."""


def window_of(oldest_ms: float, newest_ms: float, days: int) -> Window:
    """The planned number of days up to the newest event, at most two thirds of the log.

    The days before are for covariates. Raises ExperimentError if the window is below one day.
    """
    available = (newest_ms - oldest_ms) / DAY_MS
    taken = min(days, math.floor(available * 2 / 3) or math.floor(available))
    if taken < 1:
        raise ExperimentError(
            f"the log covers {available:.2g} days; a baseline takes one at least: "
            "wait, ingest history, or give --baseline and --sd"
        )
    return Window(newest_ms - taken * DAY_MS, newest_ms)


def wanted_for(
    metrics: Sequence[Metric],
    window: Window,
    *,
    surface: str | None,
    unit_field: str | None,
    listed_as: str | None,
) -> Wanted:
    """The data to gather, with everybody's first ranking of the window as the exposure."""
    return Wanted(
        experiment=None,
        needs=tuple(need for metric in metrics for need in metric.needs()),
        from_ms=window.from_ms,
        until_ms=window.now_ms,
        surface=surface,
        unit_field=unit_field,
        listed_as=listed_as,
    )


def read_log(
    frames: Iterable[pl.DataFrame], wanted: Wanted, metrics: Sequence[Metric], window: Window
) -> FromLog:
    """Estimate baselines and traffic. Raises ExperimentError if too few users were served."""
    gathered = gather(frames, wanted)
    if gathered.units < _LEAST_USERS:
        raise ExperimentError(
            f"only {gathered.units} users were served a ranking in the newest {window.days} days; "
            "a baseline takes more: ingest history, or give --baseline and --sd"
        )
    series = series_of(gathered, metrics, needs_of(gathered, metrics), [window.now_ms], ())
    before = before_of(gathered, metrics)
    found, missing = [], []
    for metric in metrics:
        columns = columns_of(
            gathered, series.last[metric.name], before[metric.name], slice(0, gathered.units)
        )
        baseline = _baseline(metric, columns)
        if baseline is None:
            missing.append(metric.name)
        else:
            found.append(baseline)
    return FromLog(
        baselines=tuple(found),
        traffic=traffic_of(gathered.exposed_ms, window.from_ms, window.days),
        days=window.days,
        pre_days=gathered.pre_days,
        users=gathered.units,
        missing=tuple(missing),
    )


def _baseline(metric: Metric, columns: np.ndarray) -> Baseline | None:
    """A metric's baseline: comparing one half of the users with the other gives the variance."""
    if len(columns) < _LEAST_USERS:
        return None
    sides = metric.summarise(columns[::2]), metric.summarise(columns[1::2])
    compared = metric.compare(*sides, level=0.95)
    if not compared.se > 0:
        return None
    units = 1 / compared.n_control + 1 / compared.n_variant
    after = compared.se**2 / units
    saved = max(compared.variance_saved, 0.0)
    value = (compared.control + compared.value) / 2
    return Baseline(metric=metric.name, value=value, sd=math.sqrt(after / (1 - saved)), saved=saved)
