"""Infers the type of a table's column: a short mapping of ``liverank.values.kinds``.

Invariant: the type does not depend on the order of the rows; values that do not fit the type are
reported, never corrected silently.
"""

from collections import Counter
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.profile.given_types import GivenType, with_type
from liverank.models.encoder.columns import ColumnType, Input, number_level_of
from liverank.values.evidence import Texts
from liverank.values.kinds import TABLE_COLUMN, Finding, kind_of_numbers, kind_of_texts
from liverank.values.numbers import number_of
from liverank.values.words import UNKNOWN

_EXACT = float(1 << 53)
"""Whole numbers below this size are exact as float64."""


class InferredType(NamedTuple):
    """The type of a column, the reason for it, and values that do not fit, if any."""

    form: Input
    reason: str
    oddity: str | None = None


def infer_type(column: pl.Series, given: GivenType | None = None) -> InferredType | None:
    """The type of a column, or the one that is given. None for data types that no model can read.

    >>> infer_type(pl.Series("tags", ["ai|art", "art", "ai|art|go"] * 9)).form.type
    'list'
    >>> infer_type(pl.Series("opened", ["2026-01-02", "2026-01-03"])).form.type
    'time'
    """
    dtype, name = column.dtype, column.name
    present = column.drop_nulls()
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        present = present.cast(pl.String)
    if given is not None:
        texts = present.to_list() if present.dtype == pl.String else []
        form, oddity = with_type(name, present, _counts(texts), given)
        return InferredType(form, "the type was given", oddity)
    if dtype == pl.Boolean:
        return _inferred(name, "boolean", "true or false")
    if isinstance(dtype, pl.Datetime | pl.Date):
        return _inferred(name, "time", "its data type is a time")
    if isinstance(dtype, pl.List | pl.Array):
        return _inferred(name, "list", "its data type is a list")
    if isinstance(dtype, pl.Duration):
        return _inferred(name, "number", "its data type is a time span: its seconds")
    if isinstance(dtype, pl.Time):
        return _inferred(name, "number", "its data type is a time of day: its seconds")
    if dtype.is_nested() or dtype == pl.Binary:
        return None
    if dtype.is_numeric():
        numbers = present.cast(pl.Float64).drop_nans().to_numpy()
        found = kind_of_numbers(name, numbers, TABLE_COLUMN)
        distinct = present.n_unique() if _are_large(numbers) and not dtype.is_float() else 0
        return _of_finding(name, _exact(found, numbers, distinct))
    if present.dtype == pl.String:
        counts = _counts(present.to_list())
        found = kind_of_texts(Texts(name, counts), TABLE_COLUMN)
        if found.kind != "number" or found.number_form is not None:
            return _of_finding(name, found)
        numbers = np.array([*map(number_of, counts)])
        levels = set(map(number_level_of, counts)) if _are_large(numbers) else set()
        return _of_finding(name, _exact(found, numbers, len(levels)))
    return None


def _are_large(numbers: NDArray[np.float64]) -> bool:
    """Whether there are whole numbers that float64 may round."""
    return bool(
        np.abs(numbers, where=~np.isnan(numbers), out=np.zeros_like(numbers)).max(initial=0.0)
        >= _EXACT
    )


def _exact(found: Finding, numbers: NDArray[np.float64], distinct: int) -> Finding:
    """A code in place of a number, if float64 merges some of the ``distinct`` values."""
    if found.kind != "number" or len(np.unique(numbers[~np.isnan(numbers)])) >= distinct:
        return found
    return Finding("code", "numbers so large that some would merge, so ids")


def _inferred(name: str, type_: ColumnType, reason: str) -> InferredType:
    return InferredType(Input(name=name, type=type_), reason)


def _of_finding(name: str, found: Finding) -> InferredType:
    """A code is a category of numbers; all other kinds of a table's columns are types."""
    if found.kind == "code":
        form = Input(name=name, type="category", numeric=True)
    elif found.kind == "key":
        raise AssertionError("columns of tables have no keys")
    else:
        form = Input(
            name=name,
            type=found.kind,
            time_form=found.time_form,
            separator=found.separator,
            number_form=found.number_form or msgspec.UNSET,
        )
    return InferredType(form, found.reason, found.oddity)


def _counts(texts: list[str]) -> Counter[str]:
    """How often each known text occurs, without blanks around it."""
    counts = Counter(text.strip() for text in texts)
    return Counter({word: n for word, n in counts.items() if word.lower() not in UNKNOWN})
