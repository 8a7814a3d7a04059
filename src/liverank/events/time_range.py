"""The accepted range of times of new events, and the messages about other times.

A time that is decades off is not a wrong clock but a number in another unit: Unix seconds, read as
milliseconds, would end a live room in 1970. The log itself can hold any time from 1970 on.
Invariant: every way to send events refuses the same times with the same message.
"""

from datetime import UTC, datetime

import polars as pl

FIRST_MS = 631_152_000_000
"""The first millisecond of the year 1990."""
LAST_MS = 4_102_444_799_999
"""The last millisecond of the year 2099: far beyond any clock that runs ahead."""

_MS_OF = {"seconds": (1000, 1), "microseconds": (1, 1000), "nanoseconds": (1, 1_000_000)}
"""Units that may be confused with milliseconds, each with its milliseconds as a fraction."""
_MEANT_MS = (FIRST_MS, LAST_MS)
"""Plausible times: a number that is one of these in another unit is taken to be in that unit."""
_MOST = 1e30
_LAST_DATE_MS = 253_402_300_799_999


def time_problem(at_ms: int, *, where: str = "$.time") -> str | None:
    """Why the time of a new event is refused, in one line; None where it is accepted.

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
    """``time_problem`` of many times: String[n], null where a time is accepted or missing.

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
    """Advice for a number that was meant in another unit; "" where no unit fits.

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
