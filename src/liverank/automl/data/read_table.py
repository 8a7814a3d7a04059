"""Reading a table of any kind from a file: CSV, TSV or Parquet, compressed or not.

A delimited file is read in pieces, with columns typed by its first rows, so that it takes the
memory of its numbers and not of its text; where a later value is of another type, the file is read
again with that column as text.
Invariant: no value is lost silently: a column with one odd value is text, which the profile
reports, and a row that does not fit the header is an error.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl

from liverank.errors import SourceError
from liverank.tables.dialect import Dialect
from liverank.tables.table_file import TableFile, with_points
from liverank.values.words import UNKNOWN

_SAMPLED_ROWS = 20_000
"""Rows from which the types of columns are guessed, before all rows are read with those types."""
_FIRST_LOOK = 1000
_PIECE_ROWS = 1_000_000
_EXACT = 1 << 53
"""Whole numbers below this size are exact as float64."""


def read_table(path: Path, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Read a table, or those of ``columns`` that it has.

    Empty values are null, and rows without a value in what is read are passed over.
    Raises SourceError, with the file, and the row or column, when it cannot be read.

    >>> read_table(Path("/no/such/file.csv"))
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.csv: no such file
    """
    return read_file(TableFile(path), columns)


def read_file(file: TableFile, columns: Collection[str] | None = None) -> pl.DataFrame:
    """As ``read_table``; what was odd about the file is then in its ``notes`` and ``warnings``."""
    names = [name for name in file.names if columns is None or name in columns]
    table = file.whole(names) if file.dialect is None else _read_delimited(file, names)
    if table.height == 0:
        raise SourceError(f"{file.path}: has a header and no rows")
    return table


def column_names(path: Path) -> list[str]:
    """The names of a table's columns. Raises SourceError as ``read_table`` does."""
    return list(TableFile(path).names)


def read_batches(
    path: Path | TableFile, rows: int = 50_000, *, decimals: Collection[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Pieces of a table, about ``rows`` rows each, for a model that was trained before.

    The values of a delimited file are text: the model knows the type of each column. ``decimals``
    are the columns whose ``1,5`` is ``1.5`` in a file with semicolons, by default all; those whose
    input has a form of its own keep their text. The pieces, one after another, hold the rows of
    ``read_table`` in its order. Raises SourceError as ``read_table`` does.
    """
    file = path if isinstance(path, TableFile) else TableFile(path)
    return file.batches(rows, decimals)


def _read_delimited(file: TableFile, names: list[str]) -> pl.DataFrame:
    if not names:
        return pl.DataFrame()
    assert file.dialect is not None
    sample = next(file.pieces(_SAMPLED_ROWS, names)).head(_SAMPLED_ROWS)
    types = _narrowest_types(sample, file.dialect)
    table, misfits = _read_typed(file, names, types)
    if misfits:
        table, _ = _read_typed(file, names, types | dict.fromkeys(misfits, pl.String()))
    return table.with_columns(
        _as_numbers(column, file.dialect, _narrowest(column, file.dialect))
        for column in table
        if column.dtype == pl.String
    )


def _read_typed(
    file: TableFile, names: list[str], types: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, set[str]]:
    """The table with columns of these types; and the columns that would lose values by them.

    Where there are such columns, the table is empty.
    """
    assert file.dialect is not None
    numeric = {name: dtype for name, dtype in types.items() if dtype != pl.String}
    parts: list[pl.DataFrame] = []
    misfits: set[str] = set()
    for part in file.pieces(_PIECE_ROWS, names, numeric):
        typed = []
        for column in part:
            dtype = numeric.get(column.name)
            if dtype is not None and column.dtype == pl.String:
                numbers = _as_numbers(column, file.dialect, dtype)
                if _known(column.filter(numbers.is_null()), file.dialect).len():
                    misfits.add(column.name)
                typed.append(numbers)
        if misfits:
            parts.clear()
        else:
            parts.append(part.with_columns(typed))
    return (pl.DataFrame() if misfits or not parts else pl.concat(parts)), misfits


def _narrowest_types(sample: pl.DataFrame, dialect: Dialect) -> dict[str, pl.DataType]:
    """``_narrowest`` of each column, in a few passes over all where they are plain numbers."""
    if not sample.height:
        return {}
    every = pl.all()
    stripped = sample.select(every.str.strip_chars())
    odd = stripped.select(every.str.contains(r"^[+-]?0\d|^[+-]?\d{16,}(?:\.0*)?$").any())
    empty = stripped.null_count()
    types: dict[str, pl.DataType] = {}
    for dtype in (pl.Float64(), pl.Int64()):
        left = stripped.select(every.cast(dtype, strict=False)).null_count()
        plain = zip(left.row(0), empty.row(0), odd.row(0), sample.columns, strict=True)
        types |= {
            name: dtype
            for nulls, before, is_odd, name in plain
            if nulls == before < sample.height and not is_odd
        }
    return {column.name: types.get(column.name) or _narrowest(column, dialect) for column in sample}


def _narrowest(column: pl.Series, dialect: Dialect) -> pl.DataType:
    """The type that holds all known values exactly; codes such as 007 are text."""
    first = _known(column.head(_FIRST_LOOK), dialect)
    if first.cast(pl.Float64, strict=False).null_count():  # spares a look at all of a text column
        return pl.String()
    known = _known(column, dialect)
    if len(known) == 0 or known.str.contains(r"^[+-]?0\d").any():
        return pl.String()
    for dtype in (pl.Int64(), pl.UInt64()):
        if known.cast(dtype, strict=False).null_count() == 0:
            return dtype
    numbers = known.cast(pl.Float64, strict=False)
    whole = numbers.filter(known.str.contains(r"^[+-]?\d+(?:\.0*)?$"))
    if numbers.null_count() or (whole.abs() >= _EXACT).any():
        return pl.String()  # as a number, two such ids could become one
    return pl.Float64()


def _known(column: pl.Series, dialect: Dialect) -> pl.Series:
    text = _stripped(column, dialect)
    return text.filter(~text.str.to_lowercase().is_in(list(UNKNOWN)))


def _as_numbers(column: pl.Series, dialect: Dialect, dtype: pl.DataType) -> pl.Series:
    return column if dtype == pl.String else _stripped(column, dialect).cast(dtype, strict=False)


def _stripped(column: pl.Series, dialect: Dialect) -> pl.Series:
    return with_points(column.str.strip_chars(), dialect)
