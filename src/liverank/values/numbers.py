"""Numbers as they are written.

Invariant: a text that is not a number is unknown, never another number.
"""

import datetime
import math
import re

import numpy as np

MOST_NUMBER = float(np.finfo(np.float32).max)
"""Largest number unless a column is wide; larger ones are unknown, as infinity is."""
WIDEST = float(np.finfo(np.float64).max)
"""Largest number of a wide column: infinity is taken as this, with its sign."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number_of(value: object) -> float:
    """A number within ``MOST_NUMBER``, or NaN; a time span, or a time of day, in seconds.

    >>> number_of(" 1e3 "), number_of(True), number_of("twelve"), number_of(float("inf"))
    (1000.0, 1.0, nan, nan)
    """
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    try:
        return number_in_range(float(value))  # type: ignore[arg-type]  # TypeError for other objects
    except (TypeError, ValueError, OverflowError):
        return _seconds(value)


def _seconds(value: object) -> float:
    """The seconds of a time span, or since the begin of the day; NaN for other values."""
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return math.nan


def wide_number_of(value: object) -> float:
    """A number of any size, infinity as ``WIDEST``; or NaN.

    >>> wide_number_of("-1e300"), wide_number_of(float("inf")) == WIDEST, wide_number_of("x")
    (-1e+300, True, nan)
    """
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    try:
        return min(max(float(value), -WIDEST), WIDEST)  # type: ignore[arg-type]  # see number_of
    except OverflowError:
        return WIDEST if value > 0 else -WIDEST  # type: ignore[operator]  # a large whole number
    except (TypeError, ValueError):
        return math.nan


def number_in_range(number: float) -> float:
    """The number if its size is at most ``MOST_NUMBER``, else NaN."""
    return number if abs(number) <= MOST_NUMBER else math.nan
