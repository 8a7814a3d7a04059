"""The columns that a model reads, and their values as arrays, whatever their form in the table.

    number, boolean   float64[n], NaN where unknown
    time              float64[n], Unix milliseconds in UTC, NaN where unknown
    category, text    object[n] of str, None where unknown
    list              object[n] of tuples of str, None where unknown

Invariant: a value that cannot be read is unknown, never another value; ``3``, ``3.0`` and ``"3"``
are one level.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.values import words
from liverank.values.number_forms import NumberForm, number_written
from liverank.values.numbers import MOST_NUMBER, WIDEST, number_of, wide_number_of
from liverank.values.times import TIME_FORMS, TimeForm, moment_of
from liverank.values.words import boolean_of

ColumnType: TypeAlias = Literal["number", "category", "boolean", "time", "text", "list"]
_PLAIN = frozenset({str, int, float, bool, type(None)})
_NUMERIC = frozenset({int, float, type(None)})
"""Types of which NumPy makes float64 at once, None being NaN."""
_UNKNOWN_TYPES = frozenset({"NAType", "NaTType"})
"""Types of the unknown values of pandas, which need not be installed."""
_EXACT = 1 << 53
"""Whole numbers below this size are exact as float64."""
Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of one length, by the name of the column."""


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
    number_form: NumberForm | msgspec.UnsetType = msgspec.UNSET
    """How people wrote the numbers; unset, and not stored, for plain numbers."""
    wide: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether numbers that float32 cannot hold are kept in order; unset, and not stored, where
    training had none: then they are unknown."""
    placeholders: tuple[float, ...] | msgspec.UnsetType = msgspec.UNSET
    """Times, in Unix milliseconds, that mean unknown; unset, and not stored, if there are none."""

    def __post_init__(self) -> None:
        """Raise ValueError for a form of times that there is not."""
        if "%" not in self.time_form and self.time_form not in TIME_FORMS:
            raise ValueError(f"`{self.time_form}` is no form of times")


def plain_numbers(forms: Iterable[Input]) -> list[str]:
    """The columns whose numbers are not written in a form of their own.

    >>> plain_numbers([Input(name="age", type="number"), Input(name="note", type="text")])
    ['age']
    """
    return [
        form.name
        for form in forms
        if not form.number_form and (form.numeric or form.type in ("number", "boolean", "time"))
    ]


def read_values(form: Input, values: Sequence[object]) -> NDArray[Any]:
    """The values of one column, as the array of its type.

    >>> read_values(Input(name="age", type="number"), ["41", 7, None, "?"]).tolist()
    [41.0, 7.0, nan, nan]
    >>> read_values(Input(name="topics", type="list", separator="|"), ["ai|art", None]).tolist()
    [('ai', 'art'), None]
    """
    if form.type == "number" and _NUMERIC.issuperset(map(type, values)):
        numbers = _bare_numbers(values, wide=bool(form.wide))
        if numbers is not None:
            return without_placeholders(numbers, form)
    read = _reader(form)
    if form.type in ("number", "boolean", "time"):
        return without_placeholders(np.array([read(value) for value in values], np.float64), form)
    result = np.empty(len(values), object)
    for row, value in enumerate(values):
        result[row] = read(value)
    return result


def _bare_numbers(values: Sequence[object], *, wide: bool) -> NDArray[np.float64] | None:
    """Values of ``_NUMERIC`` at once, as ``number_reader`` reads each; None for huge integers."""
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:
        return None
    if wide:
        return np.clip(numbers, -WIDEST, WIDEST)
    return np.where(np.abs(numbers) <= MOST_NUMBER, numbers, np.nan)


def without_placeholders(numbers: NDArray[np.float64], form: Input) -> NDArray[np.float64]:
    """The numbers or times, float64[n], with placeholders replaced by NaN."""
    if not form.placeholders:
        return numbers
    return np.where(np.isin(numbers, form.placeholders), np.nan, numbers)


def number_reader(
    form: NumberForm | msgspec.UnsetType, *, wide: bool = False
) -> Callable[[object], float]:
    """Reads a value as a number: a text by its form, or plainly where the form is unset.

    >>> number_reader(NumberForm(","))("1.234,5"), number_reader(NumberForm(","))(1.5)
    (1234.5, 1.5)
    """
    plain = wide_number_of if wide else number_of
    if form is msgspec.UNSET:
        return plain
    return lambda value: number_written(value, form) if isinstance(value, str) else plain(value)


def level_of(value: object) -> str | None:
    """The level of a value, whole numbers without a point; None where it is unknown.

    >>> level_of(3.0), level_of(True), level_of(" en "), level_of(float("nan")), level_of("")
    ('3', 'true', 'en', None, None)
    """
    if isinstance(value, str):
        return value.strip() or None
    if type(value) not in _PLAIN:
        value = plain_value(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return words.level_of(value)


def number_level_of(value: object) -> str | None:
    """The level of a value in a category of numbers; other values as in ``level_of``.

    >>> number_level_of("415.0"), number_level_of("other")
    ('415', 'other')
    >>> number_level_of("1750000000000000001")  # float64 would round it
    '1750000000000000001'
    """
    number = number_of(value)
    if abs(number) < _EXACT:
        return level_of(number)
    if math.isnan(number) or not isinstance(value, str):
        return level_of(value)
    if "e" in value.lower():  # a rounded number, as programs write floats
        return level_of(number)
    exact = Decimal(value.strip())
    return str(int(exact)) if exact == exact.to_integral_value() else level_of(number)


def plain_value(value: object) -> object:
    """A value of NumPy, pandas or ``decimal`` as one of Python's own; others as they are.

    >>> plain_value(np.float32(3.0)), plain_value(Decimal("0.50")), plain_value(np.True_)
    (3.0, 0.5, True)
    """
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Decimal) and value.is_finite():
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else value
    return None if type(value).__name__ in _UNKNOWN_TYPES else value


def elements_of(value: object, separator: str | None) -> tuple[str, ...] | None:
    """The distinct elements of a list; None where it is unknown.

    >>> elements_of('["ai", 3]', None), elements_of("b;a;b", ";"), elements_of([], None)
    (('ai', '3'), ('b', 'a'), ())
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _json_list(value) if separator is None else value.split(separator)
    if type(value) not in _PLAIN:
        value = plain_value(value)
    if value is None or isinstance(value, float):
        return None
    if hasattr(value, "to_list"):  # a series within a column
        value = value.to_list()
    elements = value if isinstance(value, list | tuple | set | np.ndarray) else [value]
    levels = (level_of(element) for element in elements)
    return tuple(dict.fromkeys(level for level in levels if level is not None))


def text_of(value: object) -> str | None:
    """The text unchanged; None where it is unknown or empty."""
    text = value if isinstance(value, str) else level_of(value)
    return text if text and text.strip() else None


def _reader(form: Input) -> Callable[[object], Any]:
    match form.type:
        case "number":
            return number_reader(form.number_form, wide=bool(form.wide))
        case "boolean":
            return boolean_of
        case "category":
            return number_level_of if form.numeric else level_of
        case "time":
            return lambda value: moment_of(plain_value(value), form.time_form)
        case "text":
            return text_of
        case "list":
            return lambda value: elements_of(value, form.separator)


def _json_list(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return [text]
