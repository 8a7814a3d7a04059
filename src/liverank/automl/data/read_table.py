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
from liverank.tables.compressed import read_head
from liverank.tables.delimited import read_pieces
from liverank.tables.dialect import HEAD_BYTES, Dialect, sniff
from liverank.tables.parquet import read_parquet
from liverank.tables.pieces import TablePiece, unreadable
from liverank.values.words import UNKNOWN

SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".parquet", ".pq")

_SAMPLED_ROWS = 20_000
"""Rows from which the types of columns are guessed, before all rows are read with those types."""
_FIRST_LOOK = 1000
_PIECE_ROWS = 1_000_000
_PARQUET = b"PAR1"


def read_table(path: Path, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Read a table, or those of ``columns`` that it has.

    Empty values are null, and rows without a value in what is read are passed over.
    Raises SourceError, with the file, and the row or column, when it cannot be read.

    >>> read_table(Path("/no/such/file.csv"))
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.csv: no such file
    """
    head = _head(path)
    if head[:4] == _PARQUET:
        try:
            stored = pl.scan_parquet(path, glob=False)
            names = _chosen(stored.collect_schema().names(), columns)
            table = stored.select(names).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(unreadable(path, error)) from None
    else:
        dialect = sniff(path, head)
        table = _read_delimited(path, dialect, _chosen(dialect.names, columns))
    if table.height == 0:
        raise SourceError(f"{path}: has a header and no rows")
    return table


def column_names(path: Path) -> list[str]:
    """The names of a table's columns. Raises SourceError as ``read_table`` does."""
    head = _head(path)
    if head[:4] != _PARQUET:
        return list(sniff(path, head).names)
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(unreadable(path, error)) from None


def read_batches(
    path: Path, rows: int = 50_000, *, decimals: Collection[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Pieces of a table, about ``rows`` rows each, for a model that was trained before.

    The values of a delimited file are text: the model knows the type of each column. ``decimals``
    are the columns whose ``1,5`` is ``1.5`` in a file with semicolons, by default all; those whose
    input has a form of its own keep their text. The pieces, one after another, hold the rows of
    ``read_table`` in its order. Raises SourceError as ``read_table`` does.
    """
    head = _head(path)
    if head[:4] == _PARQUET:
        for piece in read_parquet(path, at_once=rows):
            if piece.rows.height:
                yield piece.rows.drop("#")
        return
    dialect = sniff(path, head)
    for piece in read_pieces(path, dialect, at_once=rows):
        table = _sound_rows(path, piece)
        if table.height:
            yield table.with_columns(
                _decimals(table[name], dialect) for name in _chosen(table.columns, decimals)
            )


def _chosen(names: Collection[str], columns: Collection[str] | None) -> list[str]:
    return [name for name in names if columns is None or name in columns]


def _head(path: Path) -> bytes:
    """The first bytes of a file that is there and not empty."""
    if path.is_dir():
        raise SourceError(f"{path}: is a folder; name one file of it ({', '.join(SUFFIXES)})")
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    head = read_head(path, HEAD_BYTES)
    if not head.strip():
        raise SourceError(f"{path}: is empty; a table has a header and rows")
    return head


def _read_delimited(path: Path, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    if not names:
        return pl.DataFrame()
    sample = next(read_pieces(path, dialect, at_once=_SAMPLED_ROWS, columns=names)).rows
    sample = sample.head(_SAMPLED_ROWS)
    types = {name: _narrowest(sample[name], dialect) for name in names if name in sample.columns}
    table, misfits = _read_typed(path, dialect, names, types)
    if misfits:
        table, _ = _read_typed(path, dialect, names, types | dict.fromkeys(misfits, pl.String()))
    texts = [name for name in table.columns if table.schema[name] == pl.String]
    return table.with_columns(
        _as_numbers(table[name], dialect, _narrowest(table[name], dialect)) for name in texts
    )


def _read_typed(
    path: Path, dialect: Dialect, names: list[str], types: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, set[str]]:
    """The table with columns of these types; and the columns that would lose values by them.

    Where there are such columns, the table is empty.
    """
    numeric = {name: dtype for name, dtype in types.items() if dtype != pl.String}
    parts: list[pl.DataFrame] = []
    misfits: set[str] = set()
    for piece in read_pieces(path, dialect, at_once=_PIECE_ROWS, columns=names, types=numeric):
        part = _sound_rows(path, piece)
        for name, dtype in numeric.items():
            if name in part.columns and part.schema[name] == pl.String:
                numbers = _as_numbers(part[name], dialect, dtype)
                if _known(part[name].filter(numbers.is_null()), dialect).len():
                    misfits.add(name)
                part = part.with_columns(numbers)
        if misfits:
            parts.clear()
        else:
            parts.append(part)
    return (pl.DataFrame() if misfits or not parts else pl.concat(parts)), misfits


def _sound_rows(path: Path, piece: TablePiece) -> pl.DataFrame:
    """The rows of a piece, without their numbers. Raises SourceError where some were rejected."""
    if piece.rejected.height:
        number, reason = piece.rejected.row(0)
        raise SourceError(f"{path}: row {number} after the header: {reason}")
    return piece.rows.drop("#")


def _narrowest(column: pl.Series, dialect: Dialect) -> pl.DataType:
    """The type that holds all known values; codes such as 007 are text."""
    first = _known(column.head(_FIRST_LOOK), dialect)
    if first.cast(pl.Float64, strict=False).null_count():  # spares a look at all of a text column
        return pl.String()
    known = _known(column, dialect)
    if len(known) == 0 or known.str.contains(r"^[+-]?0\d").any():
        return pl.String()
    for dtype in (pl.Int64(), pl.Float64()):
        if known.cast(dtype, strict=False).null_count() == 0:
            return dtype
    return pl.String()


def _known(column: pl.Series, dialect: Dialect) -> pl.Series:
    text = _stripped(column, dialect)
    return text.filter(~text.str.to_lowercase().is_in(list(UNKNOWN)))


def _as_numbers(column: pl.Series, dialect: Dialect, dtype: pl.DataType) -> pl.Series:
    return column if dtype == pl.String else _stripped(column, dialect).cast(dtype, strict=False)


def _stripped(column: pl.Series, dialect: Dialect) -> pl.Series:
    return _decimals(column.str.strip_chars(), dialect)


def _decimals(text: pl.Series, dialect: Dialect) -> pl.Series:
    if dialect.separator != ";":
        return text
    # Where values are divided by semicolons, commas stand before decimals.
    is_decimal = text.str.contains(r"^[+-]?\d+,\d+$")
    return text.str.replace(",", ".", literal=True).zip_with(is_decimal.fill_null(False), text)
