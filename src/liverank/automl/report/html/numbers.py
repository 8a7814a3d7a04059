"""Formatting of numbers in the HTML report."""

import math

import numpy as np


def number(value: float | None, digits: int = 3) -> str:
    """A figure with so many significant digits, whole thousands in full; a dash where unknown.

    >>> number(0.21349), number(12345.6), number(None), number(-0.5), number(2e-7)
    ('0.213', '12,346', '-', '-0.500', '2e-07')
    """
    if value is None or not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 10 ** (digits - 1):
        text = f"{value:,.0f}"
    elif size and size < 1e-4:
        text = f"{value:.1g}"
    else:
        text = f"{value:.{max(digits - 1 - math.floor(math.log10(size)), 0) if size else 0}f}"
        text = text.rstrip("0").rstrip(".") if "." in text and digits < 3 else text
    return text


def megabytes(value: float) -> str:
    """A size as text.

    >>> megabytes(0.0991), megabytes(3.14), megabytes(1500)
    ('99 kB', '3.1 MB', '1.5 GB')
    """
    if value < 1:
        return f"{number(value * 1000, 2)} kB"
    return f"{number(value, 2)} MB" if value < 1000 else f"{number(value / 1000, 2)} GB"


def percent(share: float | None) -> str:
    """A share as a percentage.

    >>> percent(0.0314), percent(0.42), percent(None)
    ('3.1 %', '42 %', '-')
    """
    if share is None or not math.isfinite(share):
        return "-"
    return f"{100 * share:.0f} %" if abs(share) >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def day(at_ms: float | None) -> str:
    """The day of a moment, in UTC, of any year.

    >>> day(0.0), day(None), day(1.7e15)
    ('1970-01-01', '-', '55840-11-08')
    """
    return "-" if at_ms is None else str(np.datetime64(int(at_ms // 1000), "s").astype("M8[D]"))


def seconds(value: float) -> str:
    """A duration as text.

    >>> seconds(0.42), seconds(58.3), seconds(300)
    ('0.42 s', '58 s', '5 min')
    """
    if value < 10:
        return f"{value:.2g} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"
