"""Reading a table of any kind from a file: CSV, TSV or Parquet, compressed or not.

A delimited file is scanned twice as text, in pieces: once to see which columns hold numbers
throughout, once to read them as such; so a file takes the memory of its numbers, not of its text.
Invariant: no value is lost silently: a column with one odd value is text, for the profile to judge,
and a row that does not fit the header is an error.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.errors import SourceError
from liverank.events.sources.files import read_blocks, tell_nobody
from liverank.models.inputs import UNKNOWN

SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".parquet", ".pq")
SEPARATORS = (",", "\t", ";", "|")

_SNIFFED = 1 << 18
"""Bytes that are looked at to tell the separator and the header."""
_SNIFFED_LINES = 100
_EXTRA = "\x00extra"
_ROW = "\x00row"


class Dialect(NamedTuple):
    """How a delimited file is written."""

    separator: str
    quote: str | None
    names: tuple[str, ...]


def read_table(path: Path) -> pl.DataFrame:
    """Read a table. Empty values are null, and rows of nothing else are passed over.

    Raises SourceError, with the file, and the row or column, when it cannot be read.

    >>> read_table(Path("/no/such/file.csv"))
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.csv: no such file
    """
    if path.is_dir():
        raise SourceError(f"{path}: is a folder; name one file of it ({', '.join(SUFFIXES)})")
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    head = next(read_blocks(path, tell_nobody), b"")[:_SNIFFED]
    if not head.strip():
        raise SourceError(f"{path}: is empty; a table has a header and rows")
    try:
        if head[:4] == b"PAR1":
            table = pl.scan_parquet(path, glob=False).collect(engine="streaming")
        else:
            table = _read_delimited(path, sniff(path, head))
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).split("\n", 1)[0]
        raise SourceError(
            f"{path}: cannot be read as a table: {why}; save it as CSV in UTF-8, or as Parquet"
        ) from None
    if table.height == 0:
        raise SourceError(f"{path}: has a header and no rows")
    return table


def sniff(path: Path, head: bytes) -> Dialect:
    r"""Tell the separator, the quotes and the header from a file's first bytes.

    Raises SourceError for what is no text, and for a header that names a column twice.

    >>> sniff(Path("a.csv"), b'name;size\n"a;b";3\n')
    Dialect(separator=';', quote='"', names=('name', 'size'))
    """
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise SourceError(f"{path}: is not text in UTF-8; save it as CSV in UTF-8, or as Parquet")
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
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


def _read_delimited(path: Path, dialect: Dialect) -> pl.DataFrame:
    text = pl.scan_csv(
        path,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys([*dialect.names, _EXTRA], pl.String),
        missing_columns="insert",
        truncate_ragged_lines=True,
        separator=dialect.separator,
        quote_char=dialect.quote,
        encoding="utf8-lossy",
        raise_if_empty=False,
        row_index_name=_ROW,
        glob=False,
    )
    seen = text.select(list(_facts(dialect))).collect(engine="streaming").row(0, named=True)
    if seen[_EXTRA] is not None:
        raise SourceError(
            f"{path}: row {seen[_EXTRA] + 1} after the header has more than {len(dialect.names)} "
            f'values; put values that hold "{dialect.separator}" in quotes, or name the column'
        )
    read = [_typed(name, dialect, seen) for name in dialect.names]
    empty = pl.all_horizontal(pl.col(*dialect.names).is_null())
    return text.filter(~empty).select(read).collect(engine="streaming")


def _facts(dialect: Dialect) -> Iterator[pl.Expr]:
    """Of each column: values that are known, whole numbers, numbers; and codes such as 007."""
    for name in dialect.names:
        text = _stripped(name, dialect)
        known = text.is_not_null() & ~text.str.to_lowercase().is_in(list(UNKNOWN))
        yield known.sum().alias(f"known {name}")
        yield (known & _number(text, pl.Int64()).is_not_null()).sum().alias(f"whole {name}")
        yield (known & _number(text, pl.Float64()).is_not_null()).sum().alias(f"number {name}")
        yield text.str.contains(r"^[+-]?0\d").any().alias(f"code {name}")
    yield pl.col(_ROW).filter(pl.col(_EXTRA).is_not_null()).min().alias(_EXTRA)


def _typed(name: str, dialect: Dialect, seen: dict[str, int]) -> pl.Expr:
    """A column as the narrowest type that holds all of its values."""
    text, known = _stripped(name, dialect), seen[f"known {name}"]
    if known and not seen[f"code {name}"]:
        if seen[f"whole {name}"] == known:
            return _number(text, pl.Int64()).alias(name)
        if seen[f"number {name}"] == known:
            return _number(text, pl.Float64()).alias(name)
    return pl.col(name)


def _stripped(name: str, dialect: Dialect) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    # Where values are divided by semicolons, commas stand before decimals.
    is_decimal = text.str.contains(r"^[+-]?\d+,\d+$")
    if dialect.separator != ";":
        return text
    return pl.when(is_decimal).then(text.str.replace(",", ".", literal=True)).otherwise(text)


def _number(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return text.cast(dtype, strict=False)
