"""Times as they are written, as Unix milliseconds.

    iso                      2024-01-22, 2024/1/22 20:29, 2024-01-22T20:29:03.5+02:00, 2024-01
    month_first, day_first   1/22/2024 8:29 PM; 22.01.2024 20:29:03; and as iso
    month_name               22-Jan-2024, Jan 22, 2024, Mon, 22 January 2024 20:29:03 +0000
    yyyymmdd                 20240122, 20240122202903, also 202401 and 2024; as text or whole number
    epoch_s, _ms, _us, _ns   Unix time, as text or number
    %d/%m/%y ...             any pattern of ``strptime``

Invariant: a value that is not a time of the given form is unknown, never another time.
"""

import datetime
import math
import re
from typing import TypeAlias

from liverank.values.numbers import number_of

TimeForm: TypeAlias = str
"""One of ``TIME_FORMS``, or a pattern of ``strptime`` with a ``%``."""
TIME_FORMS: tuple[TimeForm, ...] = (
    *("iso", "month_first", "day_first", "month_name", "yyyymmdd"),
    *("epoch_s", "epoch_ms", "epoch_us", "epoch_ns"),
)
EPOCHS: dict[TimeForm, float] = {
    "epoch_s": 1000.0,
    "epoch_ms": 1.0,
    "epoch_us": 1e-3,
    "epoch_ns": 1e-6,
}
"""Milliseconds of one unit."""
MOST_MS = 1e16
"""Largest time, in Unix milliseconds; times further from 1970 are unknown."""

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)? ?(?P<zone>[Zz]|UTC|GMT|(?:UTC|GMT)?[+-]\d\d:?\d\d)?"
)
_WITH_CLOCK = rf"(?:(?:[Tt,]|,? |:| at ){_CLOCK})?(?: \((?:UTC|GMT)\))?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|"
    r"[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?|"
    rf"{'|'.join(_MONTHS).upper()})\.?"
)
_WEEKDAY = (
    r"(?:(?:[Mm]on|[Tt]ue(?:s)?|[Ww]ed(?:nes)?|[Tt]hu(?:rs)?|[Ff]ri|[Ss]at(?:ur)?|[Ss]un)"
    r"(?:day)?\.?,? )?"
)
_YEAR = r"(?P<year>\d{4})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_ISO = re.compile(
    rf"{_YEAR}(?:[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_WITH_CLOCK}|-(?P<only>\d\d))",
    re.ASCII,
)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d)?", re.ASCII)
"""The most common form of ISO 8601, which ``fromisoformat`` reads faster."""
_SLASHED = re.compile(
    rf"(?P<first>\d{{1,2}})[/.-](?P<then>\d{{1,2}})[/.-]{_YEAR}{_WITH_CLOCK}", re.ASCII
)
_NAMED = (
    re.compile(rf"{_WEEKDAY}{_DAY}[-/. ]{_MONTH}[-/., ]{{1,2}}{_YEAR}{_WITH_CLOCK}", re.ASCII),
    re.compile(rf"{_WEEKDAY}{_MONTH}[- ]{_DAY}[-, ]{{1,2}}{_YEAR}{_WITH_CLOCK}", re.ASCII),
    re.compile(rf"{_WEEKDAY}{_MONTH} {{1,2}}{_DAY} {_CLOCK}(?: [A-Z]{{3,4}})? {_YEAR}", re.ASCII),
    re.compile(rf"{_YEAR}[-/. ]{_MONTH}[-/. ]{_DAY}{_WITH_CLOCK}", re.ASCII),
)
_DIGITS = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)"
    r"(?:[Tt ]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?)?)?)?",
    re.ASCII,
)


def moment_of(value: object, form: TimeForm) -> float:
    """Unix milliseconds, or NaN; a time without a zone is in UTC.

    >>> moment_of("1970-01-02", "iso"), moment_of(2, "epoch_s"), moment_of("1/2/1970", "day_first")
    (86400000.0, 2000.0, 2678400000.0)
    >>> moment_of("2-Jan-1970", "month_name"), moment_of(19700102, "yyyymmdd")
    (86400000.0, 86400000.0)
    >>> moment_of("02/01/70", "%d/%m/%y")
    86400000.0
    """
    if isinstance(value, datetime.date):
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        return _unix_ms(value)
    if form in EPOCHS:
        number = number_of(value)
        return number * EPOCHS[form] if abs(number) <= MOST_MS / EPOCHS[form] else math.nan
    text = _text_of(value) if "%" in form or form == "yyyymmdd" else value
    if not isinstance(text, str):
        return math.nan
    text = text.strip()
    if "%" in form:
        try:
            return _unix_ms(datetime.datetime.strptime(text, form))  # UTC, see _unix_ms
        except ValueError:
            return math.nan
    match form:
        case "iso":
            if _PLAIN.fullmatch(text):
                return _of_plain(text)
            return _of_match(_ISO.fullmatch(text))
        case "yyyymmdd":
            return _of_match(_DIGITS.fullmatch(text))
        case "month_name":
            found = (pattern.fullmatch(text) for pattern in _NAMED)
            return _of_match(next((match for match in found if match), None))
    slashed = _SLASHED.fullmatch(text) or _ISO.fullmatch(text)  # ISO 8601 is never ambiguous
    return _of_match(slashed, month_first=form == "month_first")


def _of_plain(text: str) -> float:
    try:
        return _unix_ms(datetime.datetime.fromisoformat(text))
    except ValueError:
        return math.nan


def _text_of(value: object) -> object:
    """A whole number as its digits; other values as they are."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _of_match(match: re.Match[str] | None, *, month_first: bool = False) -> float:
    """The moment of the named groups of a pattern; NaN without a match, or for no real time."""
    if match is None:
        return math.nan
    part = match.groupdict()
    if "first" in part:
        month, day = (part["first"], part["then"]) if month_first else (part["then"], part["first"])
    else:
        month, day = part.get("month") or part.get("only") or "1", part.get("day") or "1"
    if not month.isdigit():
        month = str(_MONTHS.index(month[:3].lower()) + 1)
    hour = int(part.get("hour") or 0)
    if part.get("half"):
        if not 1 <= hour <= 12:
            return math.nan
        hour = hour % 12 + (12 if part["half"] in "Pp" else 0)
    micro = int((part.get("fraction") or "0")[:6].ljust(6, "0"))
    minute, second = int(part.get("minute") or 0), int(part.get("second") or 0)
    try:
        year, zone = int(part["year"]), _zone_of(part.get("zone"))
        return _unix_ms(
            datetime.datetime(year, int(month), int(day), hour, minute, second, micro, zone)
        )
    except ValueError:
        return math.nan


def _zone_of(text: str | None) -> datetime.tzinfo:
    """The zone of a text such as ``+02:00``. Raises ValueError from 24 hours on."""
    digits = re.sub("[^-+0-9]", "", text or "")
    if not digits:
        return datetime.UTC
    ahead = datetime.timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
    return datetime.timezone(-ahead if digits[0] == "-" else ahead)


def _unix_ms(moment: datetime.datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since / datetime.timedelta(milliseconds=1)
