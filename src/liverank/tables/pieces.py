"""A piece of a table: the result of every table reader."""

from typing import NamedTuple

import polars as pl


class TablePiece(NamedTuple):
    """Some rows of a file, numbered from 1 through the whole file in the column ``#``."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    """``#`` and ``reason`` of the rejected rows."""


def none_rejected() -> pl.DataFrame:
    """No rejected rows."""
    return pl.DataFrame(schema={"#": pl.Int64, "reason": pl.String})


def unreadable(path: object, error: Exception) -> str:
    """The message for a file that cannot be read in its format."""
    why = str(error).split("\n", 1)[0]
    return f"{path}: cannot be read as a table: {why}; save it as CSV in UTF-8, or as Parquet"
