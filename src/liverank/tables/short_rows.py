"""Finds rows that have fewer values than the header has names: their last values are unknown.

Polars reads such a row without a word.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.tables.dialect import Dialect


def short_rows(text: bytes, dialect: Dialect) -> NDArray[np.int64]:
    r"""Numbers, from 0, of the rows of a text that are not blank and too short: int64[].

    >>> short_rows(b'1,"a\n,",3\n2\n\n4,b\n', Dialect(",", '"', ("x", "y", "z")))
    array([1, 3])
    """
    if dialect.quote is None or b'"' not in text:
        ends = text.count(dialect.line_end.encode())
        rows = ends + (not text.endswith(dialect.line_end.encode()))
        if text.count(dialect.separator.encode()) == rows * (len(dialect.names) - 1):
            return np.zeros(0, np.int64)
    array = np.frombuffer(text, np.uint8)
    is_end = array == ord(dialect.line_end)
    is_separator = array == ord(dialect.separator)
    if dialect.quote is not None:
        # a sum modulo 256 keeps whether the number of quotes so far is odd
        outside = np.cumsum(array == ord(dialect.quote), dtype=np.uint8) % 2 == 0
        is_end &= outside
        is_separator &= outside
    ends_at = np.append(np.flatnonzero(is_end), len(array))
    if len(ends_at) > 1 and ends_at[-2] == len(array) - 1:
        ends_at = ends_at[:-1]
    starts = np.append(0, ends_at[:-1] + 1)
    per_row = np.diff(np.searchsorted(np.flatnonzero(is_separator), np.append(starts, len(array))))
    lengths = ends_at - starts
    last = array[np.maximum(ends_at - 1, 0)] == ord("\r")
    is_blank = (lengths == 0) | ((lengths == 1) & last)
    return np.flatnonzero((per_row < len(dialect.names) - 1) & ~is_blank).astype(np.int64)
