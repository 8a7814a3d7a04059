"""What the classes of a target mean: booleans however they are written, and the type they came in.

Inside, classes are texts; predictions are given in the type of the table that was trained on.
Invariant: two classes that differ never become one value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from liverank.values.words import boolean_of

ClassType: TypeAlias = Literal["text", "boolean", "whole", "number"]
"""``boolean`` also where a table of text holds True and False."""

_ONE_SPELLING = (
    frozenset({"true", "false", "1", "0", "1.0", "0.0", "-0.0"}),
    frozenset({"yes", "no"}),
)
"""Words, in lower case, that are the same two classes if a target holds no others."""
_LARGEST_SIGNED, _LARGEST = (1 << 63) - 1, (1 << 64) - 1


def class_type_of(column: pl.Series, classes: Sequence[str]) -> ClassType:
    """The type that a target's classes came in.

    >>> class_type_of(pl.Series([True, False]), ("false", "true"))
    'boolean'
    >>> class_type_of(pl.Series([7, 42]), ("7", "42")), class_type_of(pl.Series(["7"]), ("7",))
    ('whole', 'text')
    """
    if {name.lower() for name in classes} == {"true", "false"}:
        return "boolean"
    if not classes or not column.dtype.is_numeric():
        return "text"
    if column.dtype.is_float():
        return "number"
    if not all(name.removeprefix("-").isdigit() for name in classes):
        return "text"
    low, high = min(map(int, classes)), max(map(int, classes))
    is_signed = low >= -_LARGEST_SIGNED - 1 and high <= _LARGEST_SIGNED
    return "whole" if is_signed or 0 <= low <= high <= _LARGEST else "text"


def with_class_type(names: pl.Expr, classes: Sequence[str], class_type: ClassType) -> pl.Expr:
    """Classes, given by their names, in the type that they came in.

    >>> table = pl.DataFrame({"class": ["42", "7"]})
    >>> table.select(with_class_type(pl.col("class"), ("7", "42"), "whole")).to_series().to_list()
    [42, 7]
    """
    if class_type == "boolean":
        return names.str.to_lowercase() == "true"
    if class_type == "number":
        return names.cast(pl.Float64)
    if class_type == "whole":
        return names.cast(pl.UInt64 if max(map(int, classes)) > _LARGEST_SIGNED else pl.Int64)
    return names


def class_reader(classes: Sequence[str]) -> Callable[[str], float]:
    """Reads the name of a class as its number, NaN for none of them.

    If the classes are true and false in some spelling, any spelling is read.

    >>> number = class_reader(("False", "True"))
    >>> number("True"), number("1"), number("no"), number("7")
    (1.0, 1.0, 0.0, nan)
    """
    numbers = {name: float(number) for number, name in enumerate(classes)}
    meanings = {boolean_of(name): number for name, number in numbers.items()}
    if len(classes) != 2 or set(meanings) != {0.0, 1.0}:
        return lambda name: numbers.get(name, np.nan)
    return lambda name: numbers.get(name, meanings.get(boolean_of(name), np.nan))


def same_spelling(counts: Mapping[str, int]) -> dict[str, str]:
    """The most frequent spelling of each level of a boolean target that has several.

    Empty where there are no more than two spellings, or other levels.

    >>> same_spelling({"True": 5, "true": 2, "0": 3})
    {'true': 'True'}
    """
    words = {level.lower() for level in counts}
    if len(counts) <= 2 or not any(words <= spelling for spelling in _ONE_SPELLING):
        return {}
    usual: dict[float, str] = {}
    for level in sorted(counts, key=lambda level: (-counts[level], level)):
        usual.setdefault(boolean_of(level), level)
    spelled = {level: usual[boolean_of(level)] for level in counts}
    return {level: other for level, other in spelled.items() if level != other}
