"""The busiest people of each hour, by stream of events.

Invariant: of each closed hour and stream at most ``KEPT`` people are kept.
"""

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOURS

KEPT = 20
"""Busiest people that are kept of each hour and stream."""


class BusyPeople:
    """Counts events by person, stream and hour, and keeps the busiest people."""

    def __init__(self) -> None:
        self._open: pl.DataFrame | None = None
        self._open_hours: dict[int, list[tuple[str, str, int]]] = {}
        self._kept: dict[int, dict[str, dict[str, int]]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Count a frame of ``with_hours``."""
        counts = (
            frame.filter(pl.col("event").is_in(["interaction", "ranking"]))
            .group_by("hour", "stream", "user")
            .agg(pl.len().cast(pl.Int64).alias("count"))
        )
        if counts.is_empty():
            return
        if self._open is not None:
            counts = (
                pl.concat([self._open, counts])
                .group_by("hour", "stream", "user")
                .agg(pl.col("count").sum())
            )
        newest = counts["hour"].max()
        assert isinstance(newest, int)
        self._keep(counts.filter(pl.col("hour") < newest - 1))
        self._open = counts.filter(pl.col("hour") >= newest - 1)
        self._open_hours = {}
        oldest = newest - HOURS
        self._kept = {hour: one for hour, one in self._kept.items() if hour > oldest}

    def busiest(self, hour: int) -> dict[str, dict[str, int]]:
        """The counts of the busiest people of an hour: by stream, by user."""
        found = {stream: dict(users) for stream, users in self._kept.get(hour, {}).items()}
        for stream, user, count in self._still_open(hour):
            users = found.setdefault(stream, {})
            users[user] = users.get(user, 0) + count
        return found

    def _still_open(self, hour: int) -> list[tuple[str, str, int]]:
        if not self._open_hours and self._open is not None:
            self._open_hours = {
                part["hour"][0]: _busiest(part) for part in self._open.partition_by("hour")
            }
        return self._open_hours.get(hour, [])

    def _keep(self, counts: pl.DataFrame) -> None:
        for part in counts.partition_by("hour"):
            streams = self._kept.setdefault(part["hour"][0], {})
            for stream, user, count in _busiest(part):
                users = streams.setdefault(stream, {})
                users[user] = users.get(user, 0) + count


def _busiest(counts: pl.DataFrame) -> list[tuple[str, str, int]]:
    top = counts.sort("count", "user", descending=[True, False]).group_by(
        "stream", maintain_order=True
    )
    return top.head(KEPT).select("stream", "user", "count").rows()
