"""Durations, sizes and counts as people write them: ``90s``, ``14d``, ``4GB``, ``3 models``.

Fields of the config with the type ``Duration``, or one derived from it, are checked on reading.
"""

import math
import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from liverank.errors import ConfigError

FOREVER_MS = math.inf


@dataclass(frozen=True)
class DurationRule:
    """Allowed texts of a duration: ``forever`` unless it must be finite, ``never`` if allowed."""

    finite: bool = False
    never: bool = False


Duration: TypeAlias = Annotated[str, DurationRule()]
"""A duration above zero, or ``forever``."""
FiniteDuration: TypeAlias = Annotated[str, DurationRule(finite=True)]
FiniteDurationOrNever: TypeAlias = Annotated[str, DurationRule(finite=True, never=True)]

_LONG_MS = 3.15e10  # a year, the length of "forever" among other durations
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_SIZE_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(MB|GB|TB)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def duration_ms(text: str) -> float:
    """Milliseconds of a duration such as ``90s``, ``5m``, ``1.5h``, ``14d`` or ``forever``.

    >>> duration_ms("1.5h")
    5400000.0
    >>> duration_ms("forever")
    inf
    """
    if text == "forever":
        return FOREVER_MS
    match = _DURATION.fullmatch(text)
    if match is None or float(match[1]) == 0:
        raise ConfigError(
            f'"{text}"; expected a duration above zero such as "90s", "5m", "1h", "14d" or '
            '"forever"'
        )
    return float(match[1]) * _UNITS_MS[match[2]]


def counted(count: int, noun: str) -> str:
    """A number of things in words.

    >>> counted(1, "model"), counted(1200, "model")
    ('1 model', '1,200 models')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def format_duration(milliseconds: float) -> str:
    """A duration as ``duration_ms`` reads it, in the largest unit that gives a whole number.

    >>> format_duration(86_400_000), format_duration(5_400_000), format_duration(0)
    ('1d', '90m', '0s')
    """
    for unit, size in sorted(_UNITS_MS.items(), key=lambda pair: -pair[1]):
        if unit != "w" and milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds / size:g}{unit}"
    return f"{milliseconds / 1000:g}s"


def nearest(durations: tuple[str, ...], *wanted: str) -> tuple[str, ...]:
    """The durations with the smallest ratio to each wanted one, without repeats, in given order.

    >>> nearest(("5m", "1d", "forever"), "forever", "1h", "2d")
    ('5m', '1d', 'forever')
    """

    def length(text: str) -> float:
        return math.log(min(duration_ms(text), _LONG_MS))

    chosen = {min(durations, key=lambda text: abs(length(text) - length(goal))) for goal in wanted}
    return tuple(text for text in durations if text in chosen)


def size_bytes(text: str) -> int:
    """Bytes of a size such as ``512MB`` or ``4GB`` (powers of 1,000).

    >>> size_bytes("1.5GB")
    1500000000
    """
    match = _SIZE.fullmatch(text)
    if match is None or float(match[1]) == 0:
        raise ConfigError(f'"{text}"; expected a size above zero such as "512MB" or "4GB"')
    return int(float(match[1]) * _SIZE_UNITS[match[2]])
