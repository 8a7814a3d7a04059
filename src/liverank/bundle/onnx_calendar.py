"""Parts of a time as operations of ONNX, which has no calendar.

Days are counted in eras of 400 years from the first of March, so that a leap day comes last
(Hinnant, "chrono-compatible low-level date algorithms", ``civil_from_days``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from liverank.bundle.onnx_graph import Graph
from liverank.models.encoder.step_functions import DAY_MS, Part


def add_calendar(graph: Graph, at_ms: str, parts: Sequence[Part]) -> list[str]:
    """Add parts of times, float64[n] of Unix milliseconds, NaN where a time is unknown.

    Returns the name of a float64[n] for each part, NaN where the time is unknown.
    """
    date = _add_date(graph, at_ms)
    make: dict[Part, Callable[[], str]] = {
        "hour": lambda: date.whole(date.plus(at_ms, date.times(date.days, -DAY_MS)), 3_600_000.0),
        "weekday": lambda: date.rest(date.plus(date.days, date.number(3)), 7),
        "day": date.day,
        "month": date.month,
        "day_of_year": date.day_of_year,
        "elapsed": lambda: graph.add("Div", at_ms, date.number(DAY_MS)),
    }
    return [make[part]() for part in parts]


@dataclass(frozen=True)
class _Arithmetic:
    """Operations on float64[n] by name, each added to the graph; every method returns a name."""

    graph: Graph

    def number(self, value: float) -> str:
        return self.graph.float64(value)

    def plus(self, *values: str) -> str:
        return self.graph.add("Sum", *values)

    def times(self, value: str, by: float) -> str:
        return self.graph.add("Mul", value, self.number(by))

    def whole(self, value: str, by: float) -> str:
        return self.graph.add("Floor", self.graph.add("Div", value, self.number(by)))

    def rest(self, value: str, by: float) -> str:
        return self.plus(value, self.times(self.whole(value, by), -by))

    def is_zero(self, value: str) -> str:
        return self.graph.cast(self.graph.add("Equal", value, self.number(0)), np.float64)


@dataclass(frozen=True)
class _Date(_Arithmetic):
    """A date in the calendar that begins in March; each field is the name of a float64[n]."""

    days: str
    """Days since 1970."""
    year_of_era: str
    since_march: str
    """Days since the first of March."""
    month_from_march: str
    is_new_year: str
    """bool[n], whether the month is January or February."""

    def day(self) -> str:
        months_before = self.plus(self.times(self.month_from_march, 153), self.number(2))
        days_before = self.whole(months_before, 5)
        return self.plus(self.since_march, self.times(days_before, -1), self.number(1))

    def month(self) -> str:
        same, next_ = (self.plus(self.month_from_march, self.number(shift)) for shift in (3, -9))
        return self.graph.add("Where", self.is_new_year, next_, same)

    def day_of_year(self) -> str:
        leap_days = self.plus(
            self.is_zero(self.rest(self.year_of_era, 4)),
            self.times(self.is_zero(self.rest(self.year_of_era, 100)), -1),
            self.is_zero(self.year_of_era),
        )
        same = self.plus(self.since_march, self.number(60), leap_days)
        next_ = self.plus(self.since_march, self.number(-305))
        return self.graph.add("Where", self.is_new_year, next_, same)


def _add_date(graph: Graph, at_ms: str) -> _Date:
    do = _Arithmetic(graph)
    days = do.whole(at_ms, DAY_MS)
    day_of_era = do.rest(do.plus(days, do.number(719_468)), 146_097)
    year_of_era = do.whole(
        do.plus(
            day_of_era,
            do.times(do.whole(day_of_era, 1_460), -1),
            do.whole(day_of_era, 36_524),
            do.times(do.whole(day_of_era, 146_096), -1),
        ),
        365,
    )
    since_march = do.plus(
        day_of_era,
        do.times(year_of_era, -365),
        do.times(do.whole(year_of_era, 4), -1),
        do.whole(year_of_era, 100),
    )
    month_from_march = do.whole(do.plus(do.times(since_march, 5), do.number(2)), 153)
    is_new_year = graph.add("GreaterOrEqual", month_from_march, do.number(10))
    return _Date(graph, days, year_of_era, since_march, month_from_march, is_new_year)
