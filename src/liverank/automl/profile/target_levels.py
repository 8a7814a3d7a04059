"""Reads the column of a target as levels, however its values are written.

Invariant: two values that differ are two levels, unless they are spellings of one boolean.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes
from liverank.automl.profile.class_values import same_spelling
from liverank.models.encoder.columns import Input, read_values
from liverank.values.numbers import number_of
from liverank.values.words import UNKNOWN


class TargetLevels(NamedTuple):
    """A target column, read once: each distinct value, and which one a row has."""

    codes: NDArray[np.int64]
    """The number of each row's distinct value: int64[n]."""
    levels: list[str | None]
    """The level of each distinct value."""
    numeric: bool
    counts: dict[str, int]
    """How often each known level occurs."""


def read_levels(column: pl.Series, numeric: bool) -> TargetLevels:
    """The levels of a target; those of numbers do not depend on how a number is written.

    >>> read_levels(pl.Series("y", ["1", "1.0", "2"]), numeric=True).counts
    {'1': 2, '2': 1}
    """
    codes, distinct = distinct_codes(column)
    form = Input(name=column.name, type="category", numeric=numeric)
    levels = list(read_values(form, distinct))
    unknown = UNKNOWN if numeric else frozenset({"", "nan", "null"})
    counts: dict[str, int] = {}
    for level, count in zip(levels, np.bincount(codes).tolist(), strict=True):
        if level is not None and level.lower() not in unknown:
            counts[level] = counts.get(level, 0) + count
    others = same_spelling(counts)
    for level, usual in others.items():
        counts[usual] += counts.pop(level)
    levels = [level if level is None else others.get(level, level) for level in levels]
    return TargetLevels(codes, levels, numeric, counts)


def of_texts(column: pl.Series) -> pl.Series:
    """The column; as text if it holds categories, which mean what their texts do."""
    is_text = isinstance(column.dtype, pl.Categorical | pl.Enum)
    return column.cast(pl.String) if is_text else column


def is_numeric_target(column: pl.Series) -> bool:
    """Whether all known values of a target are numbers."""
    if column.dtype != pl.String:
        return column.dtype.is_numeric()
    words = column.drop_nulls().unique().to_list()
    known = [word for word in words if word.strip().lower() not in UNKNOWN]
    return bool(known) and not any(np.isnan(number_of(word)) for word in known)
