"""The columns that a model reads, and their values as arrays, whatever their form in the table.

    number, boolean   float64[n], NaN where unknown
    time              float64[n], Unix milliseconds in UTC, NaN where unknown
    category, text    object[n] of str, None where unknown
    list              object[n] of tuples of str, None where unknown

Invariant: a value that cannot be read is unknown, never another value; ``3``, ``3.0`` and ``"3"``
are one level.
"""

import datetime
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

ColumnType: TypeAlias = Literal["number", "category", "boolean", "time", "text", "list"]
TimeForm: TypeAlias = Literal["iso", "epoch_s", "epoch_ms", "month_first", "day_first"]
Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of one length, by the name of the column."""

UNKNOWN = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", "\\n"})
"""Texts, in lower case, that mean an unknown number, boolean or time."""
EPOCHS: dict[TimeForm, float] = {"epoch_s": 1000.0, "epoch_ms": 1.0}
"""Milliseconds of one unit."""
MOST_MS = 1e16
"""Largest time, in Unix milliseconds; times further from 1970 are unknown."""
MOST_NUMBER = float(np.finfo(np.float32).max)
"""Largest number; larger ones are unknown, as infinity is, since models read float32."""
TRUE = frozenset({"true", "t", "yes", "y", "on", "1", "1.0"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0", "0.0", "-0.0"})

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}[-/]\d\d[-/]\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?([Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_SLASHED = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[Tt ](\d{1,2}):(\d\d)(?::(\d\d))?)?", re.ASCII
)


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that a model reads."""

    name: str
    type: ColumnType
    numeric: bool = False
    """Whether the levels of a category are numbers, so that ``"3.0"`` is ``"3"``."""
    time_form: TimeForm = "iso"
    """Format of times that are texts or numbers."""
    separator: str | None = None
    """Separator of a list that is written as text; None for JSON."""


def read_values(form: Input, values: Sequence[object]) -> NDArray[Any]:
    """The values of one column, as the array of its type.

    >>> read_values(Input(name="age", type="number"), ["41", 7, None, "?"]).tolist()
    [41.0, 7.0, nan, nan]
    >>> read_values(Input(name="topics", type="list", separator="|"), ["ai|art", None]).tolist()
    [('ai', 'art'), None]
    """
    read = _reader(form)
    if form.type in ("number", "boolean", "time"):
        return np.array([read(value) for value in values], np.float64)
    result = np.empty(len(values), object)
    for row, value in enumerate(values):
        result[row] = read(value)
    return result


def number_of(value: object) -> float:
    """A number within ``MOST_NUMBER``, or NaN.

    >>> number_of(" 1e3 "), number_of(True), number_of("twelve"), number_of(float("inf"))
    (1000.0, 1.0, nan, nan)
    """
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    try:
        number = float(value)  # type: ignore[arg-type]  # TypeError for other objects
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if abs(number) <= MOST_NUMBER else math.nan


def boolean_of(value: object) -> float:
    """A boolean as 1 or 0; NaN where unknown.

    >>> boolean_of("Yes"), boolean_of(0), boolean_of("maybe")
    (1.0, 0.0, nan)
    """
    word = str(value).strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


def level_of(value: object) -> str | None:
    """The level of a value, whole numbers without a point; None where it is unknown.

    >>> level_of(3.0), level_of(True), level_of(" en "), level_of(float("nan")), level_of("")
    ('3', 'true', 'en', None, None)
    """
    if isinstance(value, str):
        return value.strip() or None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number_level_of(value: object) -> str | None:
    """The level of a value in a category of numbers; other values as in ``level_of``.

    >>> number_level_of("415.0"), number_level_of("other")
    ('415', 'other')
    """
    number = number_of(value)
    return level_of(value) if math.isnan(number) else level_of(number)


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


def elements_of(value: object, separator: str | None) -> tuple[str, ...] | None:
    """The distinct elements of a list; None where it is unknown.

    >>> elements_of('["ai", 3]', None), elements_of("b;a;b", ";"), elements_of([], None)
    (('ai', '3'), ('b', 'a'), ())
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _json_list(value) if separator is None else value.split(separator)
    if value is None or isinstance(value, float):
        return None
    elements = value if isinstance(value, list | tuple | np.ndarray) else [value]
    levels = (level_of(element) for element in elements)
    return tuple(dict.fromkeys(level for level in levels if level is not None))


def text_of(value: object) -> str | None:
    """The text unchanged; None where it is unknown or empty."""
    text = value if isinstance(value, str) else level_of(value)
    return text if text and text.strip() else None


def _reader(form: Input) -> Callable[[object], Any]:
    match form.type:
        case "number":
            return number_of
        case "boolean":
            return boolean_of
        case "category":
            return number_level_of if form.numeric else level_of
        case "time":
            return lambda value: moment_of(value, form.time_form)
        case "text":
            return text_of
        case "list":
            return lambda value: elements_of(value, form.separator)


def _json_list(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return [text]


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
