"""Counts events, delays, people and rankings of a frame of the log by hour of arrival.

Events of the past that were imported count at their own time: those that arrived more than a day
late, and those of a bulk import, whose events all arrived at one moment.
Invariant: the hour of an event never depends on a clock that is off by less than a day, and is
never after its arrival.
"""

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HourTable
from liverank.config import Config

COLUMNS = (
    "seq",
    "arrived",
    "event",
    "time",
    "id",
    "user",
    "item",
    "type",
    "ranking",
    "value",
    "surface",
    "variant",
    "model",
    "items",
    "scores",
    "action",
    "fields",
)
"""Columns of the log that monitoring reads."""
_IMPORTED_MS = 24 * HOUR_MS
_BULK, _BULK_SPAN_MS = 100, 12 * HOUR_MS
"""Events that arrived in one millisecond, and the span of their times, from which on they were
imported in bulk: far more than clocks are off by."""
HALF_HOUR_MS = HOUR_MS // 2
NEAR_MS = 720_000
"""A delay counts as a multiple of half an hour if it is as near as this, ms."""
MOST_HALF_HOURS = 28
OTHER = "other"


def with_hours(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ``hour``, ``delay`` (ms), ``imported``, and ``stream``: its type or kind."""
    delay, time = pl.col("arrived") - pl.col("time"), pl.col("time")
    is_bulk = (pl.len().over("arrived") >= _BULK) & (
        (time.max() - time.min()).over("arrived") > _BULK_SPAN_MS
    )
    is_imported = (delay > _IMPORTED_MS) | is_bulk
    at = (
        pl.when(is_imported).then(pl.min_horizontal("time", "arrived")).otherwise(pl.col("arrived"))
    )
    return frame.with_columns(
        hour=at // HOUR_MS,
        delay=delay,
        imported=is_imported,
        stream=pl.coalesce("type", "event"),
    )


def count_streams(frame: pl.DataFrame, table: HourTable, config: Config) -> None:
    """Count a frame of ``with_hours``."""
    known = frame.filter(~pl.col("event").is_in(["autopilot", "experiment"]))
    for event, stream, hour, count in known.group_by("event", "stream", "hour").len().iter_rows():
        table.add(("events", event, stream), hour, count)
    rankings = frame.filter(pl.col("event") == "ranking")
    groups = rankings.group_by("surface", "model", "hour").len()
    for surface, model, hour, count in groups.iter_rows():
        table.add(("surface", surface), hour, count)
        table.add(("ranked_by", model or "?"), hour, count)
    length = pl.col("items").list.len()
    size = length.clip(1).log(4).floor().cast(pl.Int64).alias("size")
    sizes = rankings.group_by(size, "hour").agg(pl.len(), length.sum().alias("listed"))
    for about, hour, count, listed in sizes.iter_rows():
        table.add(("length", str(about)), hour, count)
        table.add(("listed",), hour, listed)
    for name, label in config.heads.items():
        is_success = pl.col("type") == label.interaction
        if label.min_value is not None:
            is_success &= pl.col("value") >= label.min_value
        for hour, count in frame.filter(is_success).group_by("hour").len().iter_rows():
            table.add(("label", name), hour, count)
    _count_delays(known.filter(pl.col("event") != "ranking"), table)


def _count_delays(frame: pl.DataFrame, table: HourTable) -> None:
    recent = frame.filter(~pl.col("imported"))
    steps = (pl.col("delay") / HALF_HOUR_MS).round().cast(pl.Int64)
    is_near = (pl.col("delay") - steps * HALF_HOUR_MS).abs() <= NEAR_MS
    is_near &= steps.abs() <= MOST_HALF_HOURS
    groups = (
        recent.with_columns(steps=pl.when(is_near).then(steps))
        .group_by("event", "stream", "hour", "steps")
        .len()
    )
    for event, stream, hour, half_hours, count in groups.iter_rows():
        name = OTHER if half_hours is None else str(half_hours)
        table.add(("delay", event, stream, name), hour, count)
