"""Times as they are written, as Unix milliseconds.

Invariant: a value that is not a time of the given form is unknown, never another time.
"""

import datetime
import math
import re
from typing import Literal, TypeAlias

from liverank.values.numbers import number_of

TimeForm: TypeAlias = Literal["iso", "epoch_s", "epoch_ms", "month_first", "day_first"]

EPOCHS: dict[TimeForm, float] = {"epoch_s": 1000.0, "epoch_ms": 1.0}
"""Milliseconds of one unit."""
MOST_MS = 1e16
"""Largest time, in Unix milliseconds; times further from 1970 are unknown."""

_ISO = re.compile(
    r"(\d{4}[-/]\d\d[-/]\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?([Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_SLASHED = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[Tt ](\d{1,2}):(\d\d)(?::(\d\d))?)?", re.ASCII
)


def moment_of(value: object, form: TimeForm) -> float:
    """Unix milliseconds, or NaN; a time without a zone is in UTC.

    >>> moment_of("1970-01-02", "iso"), moment_of(2, "epoch_s"), moment_of("1/2/1970", "day_first")
    (86400000.0, 2000.0, 2678400000.0)
    """
    if isinstance(value, datetime.date):
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        return _unix_ms(value)
    if form in EPOCHS:
        number = number_of(value)
        return number * EPOCHS[form] if abs(number) <= MOST_MS / EPOCHS[form] else math.nan
    if not isinstance(value, str):
        return math.nan
    text = _iso_text(value.strip(), form)
    try:
        return _unix_ms(datetime.datetime.fromisoformat(text)) if text else math.nan
    except ValueError:
        return math.nan


def _iso_text(text: str, form: TimeForm) -> str | None:
    """A time in a form that ``datetime.fromisoformat`` of every Python reads; else None."""
    if form != "iso" and (match := _SLASHED.fullmatch(text)):
        month, day = (match[1], match[2]) if form == "month_first" else (match[2], match[1])
        hour, minute, second = (match[part] or "00" for part in (4, 5, 6))
        return f"{match[3]}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute}:{second}"
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    day, clock, zone = match[1].replace("/", "-"), match[2] or "00:00", match[3] or "Z"
    return f"{day}T{clock}{zone.upper().replace('Z', '+00:00')}"


def _unix_ms(moment: datetime.datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since / datetime.timedelta(milliseconds=1)
