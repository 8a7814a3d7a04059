"""Which times events may have when they come in, and the messages about others.

A time that is decades off is no clock that runs wrong, but a number in another unit: taken at its
word, Unix seconds end a room in 1970 that is live now. The log itself holds any time from 1970 on.
Invariant: every door refuses the same times in the same words.
"""

from datetime import UTC, datetime

import polars as pl

FIRST_MS = 631_152_000_000
"""The first millisecond of the year 1990."""
LAST_MS = 4_102_444_799_999
"""The last millisecond of the year 2099: far beyond any clock that runs ahead."""

_MS_OF = {"seconds": (1000, 1), "microseconds": (1, 1000), "nanoseconds": (1, 1_000_000)}
"""Units that are mistaken for milliseconds, each with the milliseconds of one as a fraction."""
_MEANT_MS = (FIRST_MS, LAST_MS)
"""Where a number in another unit lies when it is read in that unit."""
_MOST = 1e30
_LAST_DATE_MS = 253_402_300_799_999


def time_problem(at_ms: int, *, where: str = "$.time") -> str | None:
    """Why a time is refused when it comes in, in one line; None where it is taken.

    >>> time_problem(1795428000000)
    >>> time_problem(1795428000)
    'Expected a time from 1990 to 2099, got `1795428000` (1970-01-21T18:43:48Z) - at `$.time`; ...
    """
    if FIRST_MS <= at_ms <= LAST_MS:
        return None
    date = f" ({_date(at_ms)})" if 0 <= at_ms <= _LAST_DATE_MS else ""
    advice = other_unit(at_ms) or "; send Unix milliseconds or RFC 3339"
    return f"Expected a time from 1990 to 2099, got `{at_ms}`{date} - at `{where}`{advice}"


def time_problems(times: pl.Series, *, where: str) -> pl.Series:
    """``time_problem`` of each of many times: String[n], null where it is taken or missing.

    >>> time_problems(pl.Series([None, 1795428000000, 5]), where="time").is_null().to_list()
    [True, True, False]
    """
    odd = ~times.is_between(FIRST_MS, LAST_MS).fill_null(value=True)
    problems = pl.Series("problem", [None], pl.String).new_from_index(0, len(times))
    if not odd.any():
        return problems
    rows = odd.arg_true()
    reasons = [time_problem(at_ms, where=where) for at_ms in times.gather(rows)]
    return problems.scatter(rows, reasons)


def other_unit(number: float) -> str:
    """What to send instead of a number that was meant in another unit; "" where none fits.

    >>> other_unit(1795428000.5)
    '; as Unix seconds it would be 2026-11-23T10:00:00Z: send milliseconds, `1795428000500`'
    """
    if not abs(number) <= _MOST:
        return ""
    for unit, (times, parts) in _MS_OF.items():
        at_ms = int(number * times // parts)
        if _MEANT_MS[0] <= at_ms <= _MEANT_MS[1]:
            return f"; as Unix {unit} it would be {_date(at_ms)}: send milliseconds, `{at_ms}`"
    return ""


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
