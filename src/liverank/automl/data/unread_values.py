"""Counts the values of a column that are given, but cannot be read as its type."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.values.words import UNKNOWN


def unread_rows(column: pl.Series, values: NDArray[Any]) -> pl.Series:
    """The given values that were read as unknown, although they are not empty or a word for it.

    ``values`` are those of ``column`` as read, float64[n].

    >>> texts = pl.Series(["7", "?", "1,5", None])
    >>> unread_rows(texts, np.array([7, np.nan, np.nan, np.nan])).to_list()
    ['1,5']
    """
    odd = column.filter(pl.Series(np.isnan(values)))
    odd = odd.drop_nans() if odd.dtype.is_float() else odd
    odd = odd.drop_nulls()
    if odd.dtype == pl.String:
        odd = odd.filter(~odd.str.strip_chars().str.to_lowercase().is_in(list(UNKNOWN)))
    return odd


def unread_share(column: pl.Series, values: NDArray[Any]) -> float:
    """The share of a column's values, float64[n] as read, that could not be read; 0 of none."""
    return len(unread_rows(column, values)) / max(len(column), 1)
