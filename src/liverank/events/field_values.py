"""Whether a value is of the type that liverank.toml declares for its field.

Events are checked one at a time (``problem_of_field``) or as columns of a file
(``sources.field_columns``). Invariant: features can read every value that fits as that type; null,
which means unknown, fits every type.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from liverank.config import FieldType
from liverank.events.event import MAX_VALUE
from liverank.events.time_range import FIRST_MS, LAST_MS, other_unit

LARGEST = MAX_VALUE
"""The largest number that a feature holds."""
EXACT = 2**53
"""Floats represent whole numbers exactly below this; from here on two ids may be one float."""

PLAIN: dict[FieldType, frozenset[type]] = {
    "category": frozenset({type(None), str, int, float, bool}),
    "key": frozenset({type(None), str, int}),
    "keys": frozenset({type(None)}),
    "number": frozenset({type(None), bool}),
    "text": frozenset({type(None), str}),
    "time": frozenset({type(None)}),
}
"""Python types, as decoded from JSON, of which every value fits the field type."""

_ID_TYPES = frozenset({str, int})
_NOUNS: dict[FieldType, str] = {
    "category": "one text, number or truth",
    "key": "one id, a text or a whole number",
    "keys": "a list of ids, texts or whole numbers",
    "number": "a number",
    "text": "a text",
    "time": "a time",
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST_DATE_MS, _LAST_DATE_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_MOST_SHOWN = 60
_LONGEST_NAME = 100


def problem_of_field(name: str, field_type: FieldType, value: object) -> str | None:
    """Why a value does not fit the declared type of its field, in one line; None where it does.

    >>> problem_of_field("members", "number", 12)
    >>> problem_of_field("members", "number", "many")
    'Expected a number, got `"many"` - at `$.fields.members` (declared as "number"); send a ...
    """
    if type(value) in PLAIN[field_type] or _FITS[field_type](value):
        return None
    path, declared = f"$.fields.{name[:_LONGEST_NAME]}", field_type
    if field_type == "keys" and isinstance(value, list):  # report the first element that is no id
        field_type = "key"
        index = next(index for index, one in enumerate(value) if not _is_id(one))
        path, value = f"{path}[{index}]", value[index]
    return (
        f"Expected {_noun(field_type, value)}, got `{shown(value)}` - at `{path}` "
        f'(declared as "{declared}"){_advice(field_type, value)}'
    )


def is_time(text: str) -> bool:
    """Whether a text is a date, or a date and a time, that features can read.

    >>> is_time("2026-11-23T10:00:00Z"), is_time("2026-11-23"), is_time("soon")
    (True, True, False)
    """
    if _DATE.match(text) is None:  # datetime reads 1711052200000 as a day of the year 1711
        return False
    try:
        moment = datetime.fromisoformat(text)
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return False
    return True


def shown(value: object) -> str:
    """A value as JSON, cut off where it is long.

    >>> shown("many"), shown(float("nan"))
    ('"many"', 'NaN')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _fits_nothing(_: object) -> bool:
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and -LARGEST <= value <= LARGEST


def _is_id(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer() and abs(value) < EXACT
    return isinstance(value, str | int) and not isinstance(value, bool)


def _are_ids(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return _ID_TYPES.issuperset(map(type, value)) or all(map(_is_id, value))


def _is_moment(value: object) -> bool:
    if isinstance(value, str):
        return is_time(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if FIRST_MS <= value <= LAST_MS:
        return True
    return _FIRST_DATE_MS <= value <= _LAST_DATE_MS and not other_unit(value)


_FITS: dict[FieldType, Callable[[object], bool]] = {
    "category": _fits_nothing,
    "key": _is_id,
    "keys": _are_ids,
    "number": _is_number,
    "text": _fits_nothing,
    "time": _is_moment,
}


def _noun(field_type: FieldType, value: object) -> str:
    """Description of what is expected, with the bound that a number exceeds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if field_type == "number":
            return f"a number of at most {LARGEST:g}"
        if field_type == "key" and abs(value) >= EXACT:
            return f"{_NOUNS['key']} (one with a point is exact below 2^53 only)"
    return _NOUNS[field_type]


def _advice(field_type: FieldType, value: object) -> str:
    """Advice on the value to send instead."""
    if field_type == "time":
        unit = other_unit(value) if isinstance(value, int | float) else ""
        if unit:
            return f"{unit}, or RFC 3339"
        return "; send RFC 3339, e.g. `2026-11-23T10:00:00Z`, or Unix milliseconds without quotes"
    if field_type == "keys":
        return '; send a list of texts, e.g. `["ai","music"]`'
    if field_type == "number":
        return "; send a number without quotes, or null where it is unknown"
    if isinstance(value, list):
        return '; send one value, or declare the field as "keys"'
    if isinstance(value, float) and not math.isfinite(value):
        return "; leave it out, or send null, where it is unknown"
    return "; send a text, in quotes"
