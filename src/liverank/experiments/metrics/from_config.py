"""Builds the metrics that the config names, and the seed set that exists without any config."""

from collections.abc import Sequence

from liverank.config import Config
from liverank.config_experiments import Metric as Table
from liverank.experiments.metrics.mean import MeanMetric
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.participation import Participation
from liverank.experiments.metrics.quantile import QuantileMetric
from liverank.experiments.metrics.ratio import RatioMetric
from liverank.experiments.metrics.retention import Retention
from liverank.quantities import duration_ms

EXPLORING = "click"
"""The interaction type of the seed metric ``clicks_to_explore``."""


def metrics_of(config: Config, names: Sequence[str]) -> tuple[Metric, ...]:
    r"""The metrics with these names, from ``[metrics.NAME]`` or the seed set.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "join"')
    >>> [metric.needs()[0].types for metric in metrics_of(config, ["daily_active", "join_rate"])]
    [('join',), ('join',)]
    """
    tables = {**seed_tables(config), **config.metrics}
    label = next(iter(config.heads.values())).interaction
    return tuple(_metric(name, tables[name], label) for name in names)


def seed_tables(config: Config) -> dict[str, Table]:
    """The seed set as tables of the config."""
    label = next(iter(config.heads.values())).interaction
    return {
        "daily_active": Table(kind="participation", interaction=label),
        "join_rate": Table(
            kind="ratio", numerator=label, denominator=config.impressions.interaction
        ),
        "clicks_to_explore": Table(kind="mean", interaction=EXPLORING),
    }


def _metric(name: str, table: Table, label: str) -> Metric:
    window = int(table.window_ms)
    interaction = table.interaction or label
    if table.kind == "participation":
        return Participation(name, window, (interaction,), direction=table.direction)
    if table.kind == "retention":
        from_ms = 0 if table.from_ is None else int(duration_ms(table.from_))
        to_ms = int(duration_ms(table.to or table.window))
        return Retention(name, from_ms, to_ms, (interaction,), direction=table.direction)
    if table.kind == "quantile":
        assert table.q is not None
        return QuantileMetric(
            name, interaction, table.q, window, table.value, direction=table.direction
        )
    if table.kind == "ratio":
        assert table.numerator is not None
        assert table.denominator is not None
        return RatioMetric(
            name,
            table.numerator,
            table.denominator,
            window,
            table.value,
            table.cap,
            direction=table.direction,
        )
    return MeanMetric(name, interaction, window, table.value, table.cap, direction=table.direction)
