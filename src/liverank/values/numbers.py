"""Numbers as they are written.

Invariant: a text that is not a number is unknown, never another number.
"""

import math
import re

import numpy as np

MOST_NUMBER = float(np.finfo(np.float32).max)
"""Largest number; larger ones are unknown, as infinity is, since models read float32."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number_of(value: object) -> float:
    """A number within ``MOST_NUMBER``, or NaN.

    >>> number_of(" 1e3 "), number_of(True), number_of("twelve"), number_of(float("inf"))
    (1000.0, 1.0, nan, nan)
    """
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    try:
        return number_in_range(float(value))  # type: ignore[arg-type]  # TypeError for other objects
    except (TypeError, ValueError, OverflowError):
        return math.nan


def number_in_range(number: float) -> float:
    """The number if its size is at most ``MOST_NUMBER``, else NaN."""
    return number if abs(number) <= MOST_NUMBER else math.nan
