"""What servers report of themselves in the log: levels that ranked, refused events, disk, memory.

Invariant: amounts are the last that was reported in an hour; counts add up.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOURS, HourTable
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep
from liverank.events.wire import decode_fields
from liverank.serving.reports import ServerReport

_GIVEN = re.compile(r"got `.*?`(?= |$|[.,;])")
_MOST_CHARACTERS = 200
_RELEASES = ("released", "returned", "withdrawn")


class Amounts(NamedTuple):
    """Bytes that a server reported; None where they are unknown."""

    log: int | None
    disk_free: int | None
    memory: int | None
    memory_free: int | None


class Servers:
    """Counts the reports of servers, and keeps their amounts by hour."""

    def __init__(self) -> None:
        self.amounts: dict[int, Amounts] = {}
        """The amounts of each hour with a report, the last fifteen days."""
        self._releases: dict[int, str] = {}

    def add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Count a frame of ``counts.streams.with_hours``."""
        steps = frame.filter(pl.col("event") == "autopilot").select(
            "time", "hour", "action", "model", "fields"
        )
        for time, hour, action, model, fields in steps.iter_rows():
            if action in _RELEASES:
                self._releases[hour] = action
            elif action == "reported":
                given = {} if fields is None else decode_fields(fields)
                step = AutopilotStep(time=time, action=action, model=model, fields=given)
                try:
                    self._report(detail_of(step, ServerReport), hour, table)
                except EventError:
                    continue  # of another version of liverank: it says nothing to this one
        newest = max(self.amounts.keys() | self._releases.keys(), default=0)
        self._releases = {one: act for one, act in self._releases.items() if one > newest - HOURS}
        self.amounts = {hour: one for hour, one in self.amounts.items() if hour > newest - HOURS}

    def is_withdrawn(self, hour: int) -> bool:
        """Whether lists are by popularity because autopilot withdrew the bundle."""
        hours = [one for one in self._releases if one <= hour]
        return bool(hours) and self._releases[max(hours)] == "withdrawn"

    def went_back(self, hour: int, *, within_h: int) -> bool:
        """Whether a bundle was taken back in the hours up to this one: rates then fall rightly."""
        return any(
            hour - within_h < one <= hour and action != "released"
            for one, action in self._releases.items()
        )

    def _report(self, report: ServerReport, hour: int, table: HourTable) -> None:
        for level, count in report.rankings.items():
            table.add(("level", level), hour, count)
        counts = {
            "late": report.late,
            "shed": report.shed,
            "lost": report.rankings_lost,
            "accepted": report.events_accepted,
            "rejected": report.events_rejected,
        }
        for name, count in counts.items():
            table.add(("server", name), hour, count)
        if report.events_rejected and report.last_rejected:
            table.add(("refused", reason_of(report.last_rejected)), hour, report.events_rejected)
        self.amounts[hour] = Amounts(
            report.log_bytes,
            report.disk_free_bytes,
            report.memory_bytes,
            report.memory_free_bytes,
        )


def reason_of(text: str) -> str:
    """The reason of a refusal without the value that was given, so that equal ones are one.

    >>> reason_of("Expected a text, got `3` - at `$.fields.host`")
    'Expected a text, got another - at `$.fields.host`'
    """
    return _GIVEN.sub("got another", text)[:_MOST_CHARACTERS]


def growth_per_hour(values: Iterable[tuple[int, int | None]]) -> float | None:
    """Growth between the first and the last known value of (hour, value), in units an hour.

    None if they are less than a day apart.

    >>> growth_per_hour([(0, 10), (12, None), (24, 34)])
    1.0
    """
    known = sorted((hour, value) for hour, value in values if value is not None)
    if len(known) < 2 or known[-1][0] - known[0][0] < 24:
        return None
    return (known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0])
