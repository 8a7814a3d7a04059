"""A piece of a table: the result of every table reader."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

NO_ROWS: NDArray[np.int64] = np.zeros(0, np.int64)


NUMBER = "#"
"""The column of row numbers in pieces, unless the reader is given another name for it."""


class TablePiece(NamedTuple):
    """Some rows of a file, numbered from 1 through the whole file in the column ``NUMBER``."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    """``#`` and ``reason`` of the rejected rows."""
    short: NDArray[np.int64] = NO_ROWS
    """Numbers of the rows with fewer values than the header has names, int64[]; rows of one piece
    are counted only if the last column of the file is read."""
    headers: NDArray[np.int64] = NO_ROWS
    """Numbers of the rows that hold the header once more, int64[]."""


def none_rejected() -> pl.DataFrame:
    """No rejected rows."""
    return pl.DataFrame(schema={"#": pl.Int64, "reason": pl.String})


def unreadable(path: object, error: Exception) -> str:
    """The message for a file that cannot be read in its format."""
    why = str(error).split("\n", 1)[0]
    return f"{path}: cannot be read as a table: {why}; save it as CSV in UTF-8, or as Parquet"
