"""The days of a table's rows, however times are written."""

import datetime
from typing import Any

import polars as pl
import pytest

from liverank.errors import ExperimentError
from liverank.experiments.analysis.days import read_days

DAY = 20_454  # 2026-01-01
MS = DAY * 86_400_000


@pytest.mark.parametrize(
    ("values", "are_whole", "are_dates", "day"),
    [
        ([datetime.date(2026, 1, 1)], True, True, DAY),
        ([datetime.datetime(2026, 1, 1, 23, 59)], False, True, DAY),
        (["2026-01-01"], True, True, DAY),
        (["2026/01/01 10:00"], False, True, DAY),
        ([" 2026-01-01T01:00:00+02:00 "], False, True, DAY - 1),
        ([MS + 1], False, True, DAY),
        ([MS // 1000], True, True, DAY),
        ([3], True, False, 3),
        ([3.0], True, False, 3),
    ],
)
def test_a_time_is_of_a_day(values: list[Any], are_whole: bool, are_dates: bool, day: int) -> None:
    days = read_days(pl.Series("when", values))
    assert (days.are_whole, days.are_dates, days.day.to_list()) == (are_whole, are_dates, [day])
    assert days.last_ms == ((day + 1) * 86_400_000 if are_dates else None)


@pytest.mark.parametrize("values", [["Sat, Oct 11"], [True], [[1]], ["2026-02-30"]])
def test_what_is_no_time_is_refused(values: list[Any]) -> None:
    with pytest.raises(ExperimentError, match="which is no time"):
        read_days(pl.Series("when", values))


def test_a_month_is_told_from_a_day_where_one_value_shows_it() -> None:
    days = read_days(pl.Series("when", ["1/2/2026", "1/31/2026"]))
    assert days.day.to_list() == [DAY + 1, DAY + 30]
    days = read_days(pl.Series("when", ["2/1/2026 10:30", "31/1/2026 0:00"]))
    assert days.day.to_list() == [DAY + 1, DAY + 30]
    with pytest.raises(ExperimentError, match="in which day and month may be either"):
        read_days(pl.Series("when", ["1/2/2026", "3/4/2026"]))


def test_rows_without_a_time_are_refused() -> None:
    with pytest.raises(ExperimentError, match="no time in 1 rows, first in row 2"):
        read_days(pl.Series("when", ["2026-01-01", None]))
