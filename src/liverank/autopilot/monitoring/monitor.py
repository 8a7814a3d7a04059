"""Follows the log and says what is wrong: checks of each hour as it ends, alarms with their causes.

Invariant: alarms depend on the log and on the hours that have ended, not on when it was followed.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.checks.bots import bots
from liverank.autopilot.monitoring.checks.calibration import calibration
from liverank.autopilot.monitoring.checks.categories import categories
from liverank.autopilot.monitoring.checks.clocks import clocks
from liverank.autopilot.monitoring.checks.drift import drift
from liverank.autopilot.monitoring.checks.field_types import field_types
from liverank.autopilot.monitoring.checks.freshness import freshness
from liverank.autopilot.monitoring.checks.labels import labels
from liverank.autopilot.monitoring.checks.sample_ratios import sample_ratios
from liverank.autopilot.monitoring.checks.servers import disk, fallbacks, memory
from liverank.autopilot.monitoring.checks.volume import volume
from liverank.autopilot.monitoring.counts.fields import FieldSample
from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HOURS, HourTable
from liverank.autopilot.monitoring.counts.people import BusyPeople
from liverank.autopilot.monitoring.counts.scored import ScoredLists
from liverank.autopilot.monitoring.counts.servers import Servers
from liverank.autopilot.monitoring.counts.streams import COLUMNS, count_streams, with_hours
from liverank.autopilot.monitoring.counts.units import Units
from liverank.autopilot.monitoring.precedence import shown
from liverank.autopilot.monitoring.view import Check, View
from liverank.config import Config
from liverank.events.event import ExperimentChange
from liverank.events.log import Log

CHECKS: tuple[Check, ...] = (
    freshness,
    volume,
    labels,
    field_types,
    categories,
    clocks,
    bots,
    calibration,
    drift,
    fallbacks,
    sample_ratios,
    disk,
    memory,
)
_ODD_FOR_MS = 7 * 24 * HOUR_MS
"""After so long a trouble is the new normal: its hours are compared with again."""
MOST_EVENTS = 30_000_000
"""Events that are read at the start: about a minute. Of a busy log that is less than 15 days, and
checks wait until they have enough to compare with."""
_ROWS = 131_072


class Monitor:
    """What is wrong with a deployment. It belongs to one thread.

    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> from liverank.config import Label
    >>> monitor = Monitor(Config(label=Label(interaction="join")))
    >>> with TemporaryDirectory() as directory, Log.open(Path(directory)) as log:
    ...     monitor.follow(log)
    ...     monitor.alarms(0)
    []
    """

    def __init__(self, config: Config, *, checks: Sequence[Check] = CHECKS) -> None:
        self.seq = 0
        """Seq of the last event that was counted."""
        self._config = config
        self._checks = tuple(checks)
        self._table = HourTable()
        self._people = BusyPeople()
        self._fields = FieldSample(config)
        self._servers = Servers()
        self._scored = ScoredLists(config)
        self._units = Units(config)
        self._checked: int | None = None
        self._active: dict[str, Alarm] = {}
        self._ended_ms: dict[str, int] = {}
        self._odd_hours: set[int] = set()
        self._bots: set[str] = set()

    def follow(self, log: Log) -> None:
        """Count the events since the last call; the first time, those of the last fifteen days.

        Raises LogError and its kinds.
        """
        if self.seq == 0:
            self.seq = first_seq(log) - 1
            self._follow_experiments(log)
        for frame in log.read(self.seq + 1, columns=COLUMNS):
            if (frame["event"] == "experiment").any():
                self._follow_experiments(log)
            self.add(frame)

    def add(self, frame: pl.DataFrame) -> None:
        """Count a frame of events of the log, with ``counts.streams.COLUMNS``, in seq order."""
        if frame.is_empty():
            return
        self.seq = int(frame["seq"][-1])
        hourly = with_hours(frame)
        count_streams(hourly, self._table, self._config)
        self._people.add(hourly)
        self._fields.add(hourly, self._table)
        self._servers.add(hourly, self._table)
        self._scored.add(hourly, self._table)
        self._units.add(hourly, self._table)

    def alarms(self, at_ms: int) -> list[Alarm]:
        """The alarms that are on at a time (Unix ms), after the last whole hour; the oldest first.

        Each hour is checked once, in order, when it has ended.
        """
        first, last = self._table.first_hour, at_ms // HOUR_MS - 1
        if first is None:
            return []
        begin = max(first, last - HOURS + 2) if self._checked is None else self._checked + 1
        for hour in range(begin, last + 1):
            self._check(hour)
        self._checked = max(last, self._checked or last)
        return shown(
            sorted(self._active.values(), key=lambda one: (one.since_ms, one.key)),
            self._ended_ms,
            at_ms=at_ms,
            impression=self._config.impressions.interaction,
        )

    def view(self, hour: int) -> View:
        """What checks read of an hour."""
        return View(
            config=self._config,
            table=self._table,
            people=self._people,
            servers=self._servers,
            lag_h=self._scored.lag_h,
            hour=hour,
            active=self._active,
            odd_hours=self._odd_hours,
            bots=frozenset(self._bots),
        )

    def _check(self, hour: int) -> None:
        """Run all checks of an hour that has ended."""
        self._scored.resolve(hour, self._table)
        view = self.view(hour)
        found = {alarm.key: alarm for alarm in self._found(view)}
        for key in self._active.keys() - found.keys():
            self._ended_ms[key] = view.end_ms
        self._active = found
        self._ended_ms = {
            key: end_ms
            for key, end_ms in self._ended_ms.items()
            if end_ms > view.end_ms - _ODD_FOR_MS and key not in found
        }
        for alarm in found.values():
            self._bots.update(alarm.users)
            if alarm.severity != "critical" or alarm.kind == "bot":
                continue
            if view.end_ms - alarm.since_ms <= _ODD_FOR_MS:
                self._odd_hours.update(range(alarm.since_ms // HOUR_MS, hour + 1))
            else:
                self._odd_hours.difference_update(range(alarm.since_ms // HOUR_MS, hour + 1))
        self._odd_hours = {one for one in self._odd_hours if one > hour - HOURS}

    def _follow_experiments(self, log: Log) -> None:
        if self._config.experiments:
            changes = [one.event for one in log.experiment_changes()]
            self._units.follow_changes(
                [one for one in changes if isinstance(one, ExperimentChange)]
            )

    def _found(self, view: View) -> Iterator[Alarm]:
        for check in self._checks:
            yield from check(view)


def first_seq(log: Log) -> int:
    """A seq from which on the events of the last fifteen days can be read; 1 if the log is short.

    It goes back from the newest event in steps of ``_ROWS``, and by ``MOST_EVENTS`` at most.
    Raises LogError and its kinds.
    """
    last = end = log.last_seq()
    newest_ms: int | None = None
    while end > 0:
        begin = max(1, end - _ROWS + 1)
        first = next(log.read(begin, to_seq=begin, columns=("seq", "arrived")), None)
        if first is None or last - begin >= MOST_EVENTS:
            return begin
        arrived_ms = int(first["arrived"][0])
        newest_ms = arrived_ms if newest_ms is None else max(newest_ms, arrived_ms)
        if arrived_ms < newest_ms - HOURS * HOUR_MS:
            return begin
        end = begin - 1
    return 1
