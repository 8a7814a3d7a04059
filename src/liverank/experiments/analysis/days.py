"""The times of a table's rows: the day of each, and whether a time of day is given.

Invariant: a time that cannot be parsed raises an error that quotes it.
"""

import math
from dataclasses import dataclass

import polars as pl

from liverank.errors import ExperimentError
from liverank.values.times import MOST_MS, TimeForm, moment_of

_DAY_MS = 86_400_000
_SLASHED: tuple[TimeForm, ...] = ("month_first", "day_first")
_FIRST_EPOCH_S = 1e8
"""Smallest number read as Unix seconds (1973); smaller ones are experiment days such as 1-28."""
_FIRST_EPOCH_MS = 1e11


@dataclass(frozen=True, slots=True)
class Days:
    """The times of rows."""

    moments: pl.Series
    """Times as given, to detect duplicate rows."""
    day: pl.Series
    """``Int64``: days since 1970 in UTC, or days of the experiment as numbered."""
    are_whole: bool
    """Whether no row has a time of day."""
    are_dates: bool
    """Whether the days are calendar days."""

    @property
    def last_ms(self) -> int | None:
        """The end of the last day in Unix ms; None if the days are not dates."""
        last = self.day.max()
        return (int(str(last)) + 1) * _DAY_MS if self.are_dates and last is not None else None


def read_days(column: pl.Series) -> Days:
    """Read dates, ISO times, Unix seconds or milliseconds, or numbered days.

    >>> read_days(pl.Series("day", ["2026-01-01", "2026-01-03"])).day.to_list()
    [20454, 20456]
    >>> read_days(pl.Series("day", [1, 2])).are_dates
    False
    """
    if column.null_count():
        row = column.is_null().arg_max() or 0
        raise ExperimentError(
            f"column `{column.name}` has no time in {column.null_count():,} rows, first in row "
            f"{row + 1}; fill it in, or leave --time out"
        )
    if column.dtype.is_numeric():
        number = column.cast(pl.Float64)
        least = number.min()
        assert isinstance(least, float)
        if not least >= _FIRST_EPOCH_S:
            return Days(column, number.floor().cast(pl.Int64), True, False)
        ms = number * (1.0 if least >= _FIRST_EPOCH_MS else 1000.0)
    elif column.dtype == pl.Date:
        return Days(column, column.cast(pl.Int32).cast(pl.Int64), True, True)
    elif isinstance(column.dtype, pl.Datetime):
        ms = column.dt.epoch("ms").cast(pl.Float64)
    else:
        distinct = column.unique()
        read = pl.Series(_moments(distinct.to_list(), column.name), dtype=pl.Float64)
        ms = column.replace_strict(distinct, read, return_dtype=pl.Float64)
    if (ms.abs() > MOST_MS).any():
        raise ExperimentError(f"column `{column.name}` holds times too far from 1970")
    are_whole = bool((ms % _DAY_MS == 0).all())
    return Days(column, (ms / _DAY_MS).floor().cast(pl.Int64), are_whole, True)


def _moments(values: list[object], name: str) -> list[float]:
    """The times of values of one format; 1/31/2026 is read only if the month is unambiguous."""
    plain = [value.strip() if isinstance(value, str) else value for value in values]
    iso = [moment_of(value, "iso") for value in plain]
    unread = [row for row, at_ms in enumerate(iso) if math.isnan(at_ms)]
    if not unread:
        return iso
    by_form = [[moment_of(value, form) for value in plain] for form in _SLASHED]
    fitting = [moments for moments in by_form if not any(map(math.isnan, moments))]
    if len(fitting) == 1:
        return fitting[0]
    why = "in which day and month may be either" if fitting else "which is no time"
    raise ExperimentError(
        f"column `{name}` holds `{values[unread[0]]}`, {why}; write 2026-01-31 or "
        "2026-01-31T12:00:00Z, or number the days from 1"
    )
