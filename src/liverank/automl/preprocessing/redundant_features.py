"""Finds features that are constant, or equal to an earlier one, in the training rows."""

import numpy as np
import xxhash
from numpy.typing import NDArray

from liverank.dataset.rows import Rows

_BLOCK = 16
"""Columns that are copied and checked together: a copy of all would be as large as the rows."""


def redundant_columns(rows: Rows) -> dict[str, str]:
    """Names of redundant columns, each with the reason; NaN counts as a value.

    >>> rows = Rows(
    ...     features=np.array([[1, 2, 2], [1, 3, 3], [1, 4, 4]], np.float32),
    ...     labels=np.zeros(3, np.uint8),
    ...     rankings=np.arange(3),
    ...     at_ms=np.arange(3),
    ...     names=("one", "joins", "clicks"),
    ... )
    >>> redundant_columns(rows)
    {'one': 'constant', 'clicks': 'same as joins'}
    """
    redundant: dict[str, str] = {}
    first: dict[str, str] = {}
    for begin in range(0, len(rows.names), _BLOCK):
        columns = np.ascontiguousarray(rows.features[:, begin : begin + _BLOCK].T)
        for name, column in zip(rows.names[begin : begin + _BLOCK], columns, strict=True):
            if _is_constant(column):
                redundant[name] = "constant"
                continue
            column[np.isnan(column)] = np.nan  # so that all NaN have the same bits
            same = first.setdefault(xxhash.xxh3_128_hexdigest(column + np.float32(0.0)), name)
            if same != name:
                redundant[name] = f"same as {same}"
    return redundant


def _is_constant(column: NDArray[np.float32]) -> bool:
    unknown = np.isnan(column)
    if unknown.all():
        return True
    return not unknown.any() and bool((column == column[0]).all())
