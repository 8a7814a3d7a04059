"""Whole numbers that are times: Unix time in four units, and days such as 20240122."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.values.names import CODE_COLUMN, TIME_COLUMN, snake_case
from liverank.values.times import EPOCHS, TimeForm, moment_of

_UNITS = {
    "epoch_s": "seconds",
    "epoch_ms": "milliseconds",
    "epoch_us": "microseconds",
    "epoch_ns": "nanoseconds",
}
_FINE = ("epoch_us", "epoch_ns")
"""Units in which large ids could be times."""
_YEARS_S = {2000: 946_684_800, 2040: 2_208_988_800, 2100: 4_102_444_800}
"""Unix seconds at which years begin."""
_ENOUGH_DAYS = 20
"""Distinct whole numbers that are all days, as YYYYMMDD, are days whatever the column's name."""
_DATE_DIGITS = (8, 14, 12, 6, 4)
_EARLY_MS = _YEARS_S[2000] * 1000 - 10 * 365.25 * 86_400_000
"""1990: numbers that are earlier as Unix times are hardly such times."""

_UNKNOWN_TIMES = (-1.0, 0.0, 99_991_231.0, 99_999_999.0)
"""Numbers that stand for an unknown time."""

Floats = NDArray[np.float64]


class NumericTime(NamedTuple):
    """The form of times that are numbers, why, and what is odd about it."""

    form: TimeForm
    reason: str
    oddity: str | None = None


def find_numeric_time(
    name: str, values: Floats, latest_year: int, *, guesses: bool
) -> NumericTime | None:
    """The form of whole numbers, float64[n], that are times beyond doubt; None if they are not.

    Only with ``guesses`` other forms than Unix milliseconds are considered. Other Unix times also
    need the name of a time: 64-bit ids are as large as nanoseconds.

    >>> find_numeric_time("at", np.array([20240122.0]), 2040, guesses=True).form
    'yyyymmdd'
    """
    is_time_name = bool(TIME_COLUMN.search(snake_case(name)))
    given, values = values, _without_placeholders(values) if guesses else values
    for form, unit in _UNITS.items():
        if form == "epoch_ms" or (guesses and is_time_name):
            per_s = 1000 / EPOCHS[form]
            if form in _FINE and not is_time_name and _could_be_ids(name, values, per_s):
                continue
            if _within(values, _YEARS_S[2000] * per_s, _YEARS_S[latest_year] * per_s):
                return NumericTime(form, f"Unix {unit} of the years 2000 to {latest_year}")
    is_code_name = bool(CODE_COLUMN.search(snake_case(name)))
    is_varied = not is_code_name and len(np.unique(values)) >= _ENOUGH_DAYS
    if (
        guesses
        and (is_time_name or is_varied)
        and any(_are_written_days(values, digits) for digits in (8, 14))
    ):
        odd = _no_days(given)
        return NumericTime("yyyymmdd", "whole numbers that are days, as YYYYMMDD", odd)
    return None


def numeric_time_of(values: Floats) -> NumericTime:
    """The form of numbers, float64[n], that the user calls times.

    >>> (
    ...     numeric_time_of(np.array([1705955343000000.0])).form,
    ...     numeric_time_of(np.array([2024.0])).form,
    ... )
    ('epoch_us', 'yyyymmdd')
    """
    given, values = values, _without_placeholders(values)
    if any(_are_written_days(values, digits) for digits in _DATE_DIGITS):
        return NumericTime("yyyymmdd", "the type was given", _no_days(given))
    size = float(np.median(np.abs(values))) if len(values) else 0.0
    form = next(
        (form for form in ("epoch_s", "epoch_ms", "epoch_us") if size * EPOCHS[form] <= 1e14),
        "epoch_ns",
    )
    early = size * EPOCHS[form] < _EARLY_MS
    odd = (
        f"numbers such as {values[0]:.15g}, read as Unix {_UNITS[form]}, are times before 1990, of "
        "which only the order is sure to be right; if they are times in another form, give it, "
        "such as --time-format yyyymmdd"
    )
    return NumericTime(form, "the type was given", odd if early and len(values) else None)


def _without_placeholders(values: Floats) -> Floats:
    """The numbers without those that stand for unknown times, if most are others."""
    others = values[~np.isin(values, _UNKNOWN_TIMES)]
    return others if 2 * len(others) > len(values) else values


def _no_days(values: Floats) -> str | None:
    """Describes placeholders among days such as 20240122 that are no days; None without any."""
    odd = values[np.isin(values, [each for each in _UNKNOWN_TIMES if each != 99_991_231.0])]
    if not len(odd):
        return None
    return (
        f"{len(odd)} of {len(values)} values are not times "
        f"({', '.join(f'{each:.0f}' for each in np.unique(odd))}) and are treated as unknown"
    )


def _could_be_ids(name: str, values: Floats, per_s: float) -> bool:
    """Whether whole numbers have the name of ids, or are within a second of each other."""
    is_code = CODE_COLUMN.search(snake_case(name)) is not None
    return is_code or bool(np.ptp(values) < per_s)


def possible_unit(values: Floats, latest_year: int) -> str | None:
    """The unit in which different numbers, float64[n], would be Unix times since the year 2000.

    >>> possible_unit(np.array([1_705_955_343.0, 1_705_955_344.0]), 2040)
    'seconds'
    """
    for form, unit in _UNITS.items():
        per_s = 1000 / EPOCHS[form]
        if _within(values, _YEARS_S[2000] * per_s, _YEARS_S[latest_year] * per_s):
            return unit if len(np.unique(values)) > 1 else None
    return None


def _are_written_days(values: Floats, digits: int) -> bool:
    """Whether whole numbers are times from 1900 to 2100 of so many digits."""
    if len(values) == 0 or not _within(values // 10.0 ** (digits - 4), 1900, 2100):
        return False
    return not any(np.isnan(moment_of(value, "yyyymmdd")) for value in np.unique(values).tolist())


def _within(values: Floats, least: float, most: float) -> bool:
    return bool((values >= least).all() and (values <= most).all())
