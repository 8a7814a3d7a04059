"""Parts of moments as operations of ONNX, which has no calendar.

Days are counted in eras of 400 years from the first of March, so that a leap day comes last
(Hinnant, "chrono-compatible low-level date algorithms", ``civil_from_days``).
"""

from collections.abc import Callable, Sequence

import numpy as np

from liverank.bundle.onnx_graph import Graph
from liverank.models.encoder.step_functions import DAY_MS, Part


def add_calendar(graph: Graph, at_ms: str, parts: Sequence[Part]) -> list[str]:
    """Parts of moments, float64[n]: a name of float64[n] each, NaN where the moment is unknown."""

    def number(value: float) -> str:
        return graph.float64(value)

    def plus(*values: str) -> str:
        return graph.add("Sum", *values)

    def times(value: str, by: float) -> str:
        return graph.add("Mul", value, number(by))

    def whole(value: str, by: float) -> str:
        return graph.add("Floor", graph.add("Div", value, number(by)))

    def rest(value: str, by: float) -> str:
        return plus(value, times(whole(value, by), -by))

    def is_zero(value: str) -> str:
        return graph.cast(graph.add("Equal", value, number(0)), np.float64)

    days = whole(at_ms, DAY_MS)
    day_of_era = rest(plus(days, number(719_468)), 146_097)
    year_of_era = whole(
        plus(
            day_of_era,
            times(whole(day_of_era, 1_460), -1),
            whole(day_of_era, 36_524),
            times(whole(day_of_era, 146_096), -1),
        ),
        365,
    )
    since_march = plus(
        day_of_era,
        times(year_of_era, -365),
        times(whole(year_of_era, 4), -1),
        whole(year_of_era, 100),
    )
    month_from_march = whole(plus(times(since_march, 5), number(2)), 153)
    is_new_year = graph.add("GreaterOrEqual", month_from_march, number(10))

    def day() -> str:
        before = whole(plus(times(month_from_march, 153), number(2)), 5)
        return plus(since_march, times(before, -1), number(1))

    def month() -> str:
        same, next_ = (plus(month_from_march, number(shift)) for shift in (3, -9))
        return graph.add("Where", is_new_year, next_, same)

    def day_of_year() -> str:
        leap_days = plus(
            is_zero(rest(year_of_era, 4)),
            times(is_zero(rest(year_of_era, 100)), -1),
            is_zero(year_of_era),
        )
        same, next_ = plus(since_march, number(60), leap_days), plus(since_march, number(-305))
        return graph.add("Where", is_new_year, next_, same)

    make: dict[Part, Callable[[], str]] = {
        "hour": lambda: whole(plus(at_ms, times(days, -DAY_MS)), 3_600_000.0),
        "weekday": lambda: rest(plus(days, number(3)), 7),
        "day": day,
        "month": month,
        "day_of_year": day_of_year,
        "elapsed": lambda: graph.add("Div", at_ms, number(DAY_MS)),
    }
    return [make[part]() for part in parts]
