"""Reading a table of any kind from a file: CSV, TSV or Parquet, compressed or not.

A delimited file is read in pieces, with columns typed by its first rows, so that it takes the
memory of its numbers and not of its text; if a later value is of another type, it is read again.
Invariant: no value is lost silently: a column with one odd value is text, for the profile to judge,
and a row that does not fit the header is an error.
"""

import csv
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.errors import SourceError
from liverank.events.sources.files import read_blocks, tell_nobody
from liverank.models.encoder.columns import UNKNOWN

SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".parquet", ".pq")
SEPARATORS = (",", "\t", ";", "|")

_SNIFFED = 1 << 18
"""Bytes that are looked at to tell the separator and the header."""
_SNIFFED_LINES = 100
_SAMPLED_ROWS = 20_000
"""Rows by which the types of columns are guessed, before all of them are read as such."""
_FIRST_LOOK = 1000
_EXTRA = "\x00extra"


class Dialect(NamedTuple):
    """How a delimited file is written."""

    separator: str
    quote: str | None
    names: tuple[str, ...]


def read_table(path: Path, columns: Collection[str] | None = None) -> pl.DataFrame:
    """Read a table, or some of its columns; names that it does not have are passed over.

    Empty values are null, and rows of nothing else in what is read are passed over.
    Raises SourceError, with the file, and the row or column, when it cannot be read.

    >>> read_table(Path("/no/such/file.csv"))
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.csv: no such file
    """
    head = _head(path)
    try:
        if head[:4] == b"PAR1":
            rows = pl.scan_parquet(path, glob=False)
            names = _chosen(rows.collect_schema().names(), columns)
            table = rows.select(names).collect(engine="streaming")
        else:
            dialect = sniff(path, head)
            table = _read_delimited(path, dialect, _chosen(dialect.names, columns))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None
    if table.height == 0:
        raise SourceError(f"{path}: has a header and no rows")
    return table


def column_names(path: Path) -> list[str]:
    """The names of a table's columns. Raises SourceError as ``read_table`` does."""
    head = _head(path)
    if head[:4] != b"PAR1":
        return list(sniff(path, head).names)
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None


def open_table(path: Path) -> tuple[pl.LazyFrame, Callable[[pl.DataFrame], pl.DataFrame]]:
    """A table to be read in pieces, all text where it is delimited, and what finishes a piece.

    Raises SourceError as ``read_table`` does, and when a piece is finished.
    """
    head = _head(path)
    if head[:4] == b"PAR1":
        return pl.scan_parquet(path, glob=False), lambda piece: piece
    dialect = sniff(path, head)

    def finish(piece: pl.DataFrame) -> pl.DataFrame:
        piece = _without_empty(path, dialect, piece, dialect.names)
        return piece.with_columns(_decimals(piece[name], dialect) for name in piece.columns)

    return _scan(path, dialect, {}), finish


def sniff(path: Path, head: bytes) -> Dialect:
    r"""Tell the separator, the quotes and the header from a file's first bytes.

    Raises SourceError for what is no text, and for a header that names a column twice.

    >>> sniff(Path("a.csv"), b'name;size\n"a;b";3\n')
    Dialect(separator=';', quote='"', names=('name', 'size'))
    """
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise SourceError(f"{path}: is not text in UTF-8; save it as CSV in UTF-8, or as Parquet")
    try:
        text = getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < _SNIFFED)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path}: line {line} is not UTF-8; write it as such, if it is Latin-1 by "
            f"`iconv -f latin1 -t utf-8 {path.name}`"
        ) from None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and len(head) == _SNIFFED:
        lines.pop()  # it may be cut
    separator = max(SEPARATORS, key=lambda each: _evenness(lines[:_SNIFFED_LINES], each))
    # TSV is often written without quotes, and then a quote is a mere character.
    quoted = separator != "\t" or any(
        field[:1] == field[-1:] == '"' and len(field) > 1
        for line in lines
        for field in line.split(separator)
    )
    quote = '"' if quoted else None
    first = _fields(lines[0], separator, quote)
    names = tuple(name.strip() or f"column_{place + 1}" for place, name in enumerate(first))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SourceError(
            f"{path}: its header names column `{twice[0]}` {names.count(twice[0])} times; "
            "give each column a name of its own"
        )
    return Dialect(separator, quote, names)


def _evenness(lines: list[str], separator: str) -> tuple[float, int]:
    """The share of lines with as many values as the header, and how many those are."""
    widths = [len(_fields(line, separator, '"')) for line in lines]
    even = sum(width == widths[0] for width in widths) / len(widths)
    return (even if widths[0] > 1 else 0.0), widths[0]


def _fields(line: str, separator: str, quote: str | None) -> list[str]:
    if quote is None:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return line.split(separator)


def _chosen(names: Sequence[str], columns: Collection[str] | None) -> list[str]:
    return [name for name in names if columns is None or name in columns]


def _unreadable(path: Path, error: Exception) -> SourceError:
    why = str(error).split("\n", 1)[0]
    return SourceError(
        f"{path}: cannot be read as a table: {why}; save it as CSV in UTF-8, or as Parquet"
    )


def _read_delimited(path: Path, dialect: Dialect, names: list[str]) -> pl.DataFrame:
    wanted = [*names, _EXTRA]
    sample = _scan(path, dialect, {}).select(wanted).head(_SAMPLED_ROWS).collect(engine="streaming")
    guessed = {name: _narrowest(sample[name], dialect) for name in names}
    try:
        table = _scan(path, dialect, guessed).select(wanted).collect(engine="streaming")
    except pl.exceptions.ComputeError:  # a later value is none of what the first ones are
        table = _scan(path, dialect, {}).select(wanted).collect(engine="streaming")
    table = _without_empty(path, dialect, table, names)
    texts = [name for name in table.columns if table.schema[name] == pl.String]
    return table.with_columns(
        _as_numbers(table[name], dialect, _narrowest(table[name], dialect)) for name in texts
    )


def _scan(path: Path, dialect: Dialect, types: dict[str, pl.DataType]) -> pl.LazyFrame:
    """The file in pieces: columns of the types given, others as text."""
    text = dict.fromkeys([*dialect.names, _EXTRA], pl.String())
    return pl.scan_csv(
        path,
        has_header=False,
        skip_lines=1,
        schema={**text, **types},
        missing_columns="insert",
        truncate_ragged_lines=True,
        separator=dialect.separator,
        quote_char=dialect.quote,
        encoding="utf8-lossy",
        raise_if_empty=False,
        glob=False,
    )


def _head(path: Path) -> bytes:
    """The first bytes of a file that is there and not empty."""
    if path.is_dir():
        raise SourceError(f"{path}: is a folder; name one file of it ({', '.join(SUFFIXES)})")
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    head = next(read_blocks(path, tell_nobody), b"")[:_SNIFFED]
    if not head.strip():
        raise SourceError(f"{path}: is empty; a table has a header and rows")
    return head


def _without_empty(
    path: Path, dialect: Dialect, table: pl.DataFrame, names: Sequence[str]
) -> pl.DataFrame:
    """The columns ``names`` of the rows that hold anything in them."""
    _check_widths(path, dialect, table)
    table = table.select(names)
    empty = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return table.filter(~empty) if empty.any() else table


def _check_widths(path: Path, dialect: Dialect, table: pl.DataFrame) -> None:
    if table[_EXTRA].null_count() < table.height:
        row = table[_EXTRA].is_not_null().arg_max() or 0
        raise SourceError(
            f"{path}: row {row + 1} after the header has more than {len(dialect.names)} values; "
            f'put values that hold "{dialect.separator}" in quotes, or name the column'
        )


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
