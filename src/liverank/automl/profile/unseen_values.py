"""Finds values of a target that a model cannot predict, since its training never saw them."""

from collections import Counter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes
from liverank.automl.profile.task import Target, read_target
from liverank.models.encoder.columns import level_of
from liverank.values.words import UNKNOWN

_NO_CLASS = frozenset({"", "nan", "null"})


def unseen_values(column: pl.Series, target: Target) -> tuple[Counter[str], NDArray[np.bool_]]:
    """The values that are no class of the target (or no number), counted; and the rows with one.

    Values that are missing are not among them. The rows are bool[n].

    >>> from liverank.automl.profile.task import find_target
    >>> target = find_target(pl.Series("y", ["hi", "lo"] * 20))
    >>> unseen_values(pl.Series("y", ["hi", "novel", None]), target)[0]
    Counter({'novel': 1})
    """
    rows = np.isnan(read_target(column, target))
    codes, distinct = distinct_codes(column.filter(pl.Series(rows)))
    unknown = UNKNOWN if target.numeric or target.task == "regression" else _NO_CLASS
    levels = [level_of(value) for value in distinct]
    is_new = [level is not None and level.lower() not in unknown for level in levels]
    rows[rows] = np.array(is_new, np.bool_)[codes]
    counts = np.bincount(codes, minlength=len(levels)).tolist()
    found: Counter[str] = Counter()
    for level, new, count in zip(levels, is_new, counts, strict=True):
        if new and level is not None:
            found[level] += count
    return found, rows
