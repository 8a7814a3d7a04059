"""Counts each person's true activity in the weeks of a test, from the events of the world.

It shares no code with the experiment system and repeats its definitions in plain form, so that it
can check them. Invariant: a person counts from the first visit in those weeks on; events at or
before that visit do not count.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.events.event import Event, Interaction
from liverank.proof.results import MetricName

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

DAY_MS = 86_400_000
NEVER = -1
"""Value of the first visit of a person who did not visit."""


class Counted:
    """Counts of each person from ``start_ms`` up to and with ``end_ms`` (Unix ms).

    ``users`` are the ids of all people, in the order of their rows. It must be given every visit
    and every event of those weeks, a visit before its events; other events are ignored.
    """

    def __init__(self, users: Sequence[str], *, start_ms: int, end_ms: int) -> None:
        number = len(users)
        self._row = {user: row for row, user in enumerate(users)}
        self._start_ms, self._end_ms = start_ms, end_ms
        self.first_ms: Ints = np.full(number, NEVER, np.int64)
        """Time of each person's first visit, Unix ms."""
        self.impressions: Ints = np.zeros(number, np.int64)
        self.clicks: Ints = np.zeros(number, np.int64)
        self.joins: Ints = np.zeros(number, np.int64)
        self.listened_s: Floats = np.zeros(number)
        """Seconds, counted when a person leaves."""
        self._days_joined: list[set[int]] = [set() for _ in range(number)]

    def visit(self, people: Ints, at_ms: int) -> None:
        """Add a visit of these people (rows) at a time."""
        if self._start_ms <= at_ms <= self._end_ms:
            fresh = people[self.first_ms[people] == NEVER]
            self.first_ms[fresh] = at_ms

    def observe(self, events: Iterable[Event]) -> None:
        """Add events."""
        for event in events:
            if isinstance(event, Interaction) and event.at_ms <= self._end_ms:
                row = self._row[event.user]
                first_ms = int(self.first_ms[row])
                if first_ms != NEVER and event.at_ms > first_ms:
                    self._count(event, row, event.at_ms - first_ms)

    def _count(self, event: Interaction, row: int, since_ms: int) -> None:
        if event.type == "impression":
            self.impressions[row] += 1
        elif event.type == "click":
            self.clicks[row] += 1
        elif event.type == "join":
            self.joins[row] += 1
            # the k-th day ends k * 24 h after the first visit (inclusive)
            self._days_joined[row].add((since_ms - 1) // DAY_MS)
        elif event.type == "leave":
            self.listened_s[row] += event.value or 0.0

    @property
    def came(self) -> NDArray[np.bool_]:
        """Whether each person visited in those weeks: bool[n_people]."""
        came: NDArray[np.bool_] = self.first_ms != NEVER
        return came

    def days(self) -> tuple[Ints, Ints]:
        """Days with a join, and all days, of each person: both int64[n_people].

        A day is 24 hours, counted from the person's first visit; only whole days count.
        """
        days = np.where(self.came, (self._end_ms - self.first_ms) // DAY_MS, 0)
        joined = [
            sum(day < whole for day in found)
            for found, whole in zip(self._days_joined, days.tolist(), strict=True)
        ]
        return np.array(joined, np.int64), days

    def columns(self) -> dict[MetricName, tuple[Floats, Floats]]:
        """Numerator and denominator of each metric, float64[n_people] each."""
        joined, days = self.days()
        came = self.came.astype(float)
        return {
            "daily_active": (joined.astype(float), days.astype(float)),
            "join_rate": (self.joins.astype(float), self.impressions.astype(float)),
            "clicks_to_explore": (self.clicks.astype(float), came),
            "minutes_listened": (self.listened_s / 60, came),
        }

    def values(self, among: NDArray[np.bool_] | None = None) -> dict[MetricName, float]:
        """Each metric over all visitors, or over those in ``among``, as a ratio of sums.

        NaN if the denominator is 0.
        """
        chosen = self.came if among is None else self.came & among
        return {name: _ratio(*both, chosen) for name, both in self.columns().items()}


def _ratio(above: Floats, below: Floats, chosen: NDArray[np.bool_]) -> float:
    total = float(below[chosen].sum())
    return float(above[chosen].sum()) / total if total else float("nan")
