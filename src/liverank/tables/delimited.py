"""Delimited files, a piece at a time: the one reader of CSV and TSV, for imports and for AutoML.

A row with more values than the header, or with bytes that are not UTF-8, is rejected under its
number. Values are text unless ``types`` are given; a piece that does not fit those is text too.
Invariant: a piece ends where a row ends, and rows are numbered through the whole file.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import SourceError
from liverank.tables.compressed import Progress, no_progress
from liverank.tables.dialect import Dialect
from liverank.tables.encodings import BOM, text_blocks
from liverank.tables.pieces import NO_ROWS, NUMBER, TablePiece, none_rejected, unreadable
from liverank.tables.quotes import Quotes, find_quotes, without_stray_quotes
from liverank.tables.short_rows import short_rows

MAX_ROW_BYTES = 256 << 20
_PIECE_BYTES = 32 << 20

_EXTRA = "\x00extra"
_REASON = "\x00reason"
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_MARKS = [chr(code) for code in range(0xFDD0, 0xFDF0)]
"""Unicode noncharacters, reserved for internal use, which should not occur in text."""


def read_pieces(
    path: Path,
    dialect: Dialect,
    on_progress: Progress = no_progress,
    *,
    at_once: int,
    columns: Sequence[str] | None = None,
    types: Mapping[str, pl.DataType] | None = None,
    number: str = NUMBER,
) -> Iterator[TablePiece]:
    """Read a file, about ``at_once`` rows at a time, at least one piece.

    Yields ``columns`` of the file, or all. Empty values are null, and rows without a value in these
    columns are skipped. Raises SourceError when the file cannot be read.
    """
    names = list(dialect.names if columns is None else columns)
    begin = 1
    for text in _whole_rows(path, dialect, on_progress, at_once):
        rows, mark = _parse(path, text, dialect, names, types=types or {})
        rows = rows.with_columns(pl.int_range(begin, begin + pl.len()).alias(number))
        piece = _checked(rows, names, dialect, mark, number)
        if dialect.header and len(dialect.names) > 1 and _holds_line(text, dialect.header):
            piece = piece._replace(headers=_headers(piece.rows, names, number))
        if dialect.names[-1] in names and rows[dialect.names[-1]].null_count():
            piece = piece._replace(short=begin + short_rows(text, dialect))
        begin += rows.height
        yield piece
    if begin == 1 and dialect.has_header:
        yield TablePiece(pl.DataFrame(schema={number: pl.Int64}), none_rejected())


def _checked(
    rows: pl.DataFrame, names: list[str], dialect: Dialect, mark: str, number: str
) -> TablePiece:
    """Reject rows that are too long or not UTF-8, and drop rows without a value."""
    has_value = pl.any_horizontal(pl.col(*names).is_not_null())
    is_long = pl.col(_EXTRA).is_not_null()
    if not mark and rows[_EXTRA].null_count() == rows.height:
        return TablePiece(rows.filter(has_value).drop(_EXTRA), none_rejected())
    too_long = (
        f"has more than the {len(dialect.names)} columns of the file; put values that hold "
        f'"{dialect.separator}" in quotes, or name the column'
    )
    reasons: list[pl.Expr] = [pl.when(is_long).then(pl.lit(too_long))]
    reasons += [_not_utf8(name, mark) for name in names if mark and rows.schema[name] == pl.String]
    rows = rows.filter(has_value | is_long).with_columns(pl.coalesce(reasons).alias(_REASON))
    is_sound = pl.col(_REASON).is_null()
    return TablePiece(
        rows.filter(is_sound).drop(_EXTRA, _REASON),
        rows.filter(~is_sound).select(
            pl.col(number).alias(NUMBER), pl.col(_REASON).alias("reason")
        ),
    )


def _holds_line(text: bytes, line: bytes) -> bool:
    """Whether a text holds these bytes at the begin of a line."""
    return text.startswith(line) or any(end + line in text for end in (b"\n", b"\r", BOM))


def _headers(rows: pl.DataFrame, names: list[str], number: str) -> NDArray[np.int64]:
    """Numbers of the rows in which each column holds its own name."""
    if any(rows.schema[name] != pl.String for name in names):
        return NO_ROWS
    is_header = pl.all_horizontal(
        pl.col(name).str.strip_prefix("\ufeff").str.strip_chars() == name for name in names
    )
    return rows.filter(is_header)[number].to_numpy().astype(np.int64)


def _whole_rows(
    path: Path, dialect: Dialect, on_progress: Progress, at_once: int
) -> Iterator[bytes]:
    """The rows' text in pieces that end with a row; line ends within quotes do not end a row."""
    end = dialect.line_end.encode()
    rest = b""
    blocks: list[bytes] = []
    ends = size = 0
    before, line = dialect.rows_at, dialect.rows_line
    for block in text_blocks(path, on_progress):
        skipped = min(before, len(block))
        before -= skipped
        blocks.append(block[skipped:])
        ends += block.count(end, skipped)
        size += len(block) - skipped
        if ends < at_once and size < _PIECE_BYTES:
            continue
        rest += b"".join(blocks)
        quotes = _quotes(path, rest, dialect, line)
        blocks, ends, size = [], 0, 0
        if quotes.whole:
            yield _plain(path, rest[: quotes.whole], dialect, quotes)
            line += rest.count(end, 0, quotes.whole)
            rest = rest[quotes.whole :]
        elif len(rest) > MAX_ROW_BYTES:
            where = line + rest.count(end, 0, quotes.open_at or 0)
            raise SourceError(
                f"{path}: the row of line {where} is longer than {MAX_ROW_BYTES >> 20} MB; "
                "is a quote not closed?"
            )
    rest += b"".join(blocks)
    if rest:
        quotes = _quotes(path, rest, dialect, line)
        if quotes.open_at is not None:
            raise _unclosed(path, line + rest.count(end, 0, quotes.open_at))
        yield _plain(path, rest, dialect, quotes)


def _quotes(path: Path, text: bytes, dialect: Dialect, line: int) -> Quotes:
    """The quotes of a text that begins in a line. Raises SourceError for text after a value."""
    end = dialect.line_end
    if dialect.quote is None:
        return Quotes(text.rfind(end.encode()) + 1)
    quotes = find_quotes(text, dialect.separator, end)
    if quotes.broken_at is not None:
        opens = line + text.count(end.encode(), 0, quotes.broken_at)
        if text.count(end.encode(), quotes.broken_at, quotes.closed_at):
            raise _unclosed(path, opens)
        raise SourceError(
            f"{path}: line {opens}: a quote closes before its value ends; write each quote within "
            "a quoted value twice"
        )
    return quotes


def _unclosed(path: Path, line: int) -> SourceError:
    return SourceError(f"{path}: line {line}: the quote that opens here is not closed; close it")


def _plain(path: Path, text: bytes, dialect: Dialect, quotes: Quotes) -> bytes:
    if quotes.is_plain:
        return text
    try:
        return without_stray_quotes(text, dialect.separator, dialect.line_end)
    except csv.Error as error:
        raise SourceError(unreadable(path, error)) from None


def _marked(text: bytes) -> tuple[bytes, str]:
    """The text as UTF-8, with a mark and two hex digits for each invalid byte; and the mark.

    The mark is "" where all is UTF-8.
    """
    try:
        text.decode()
    except UnicodeDecodeError:
        escaped = text.decode("utf-8", "surrogateescape")
    else:
        return text, ""
    mark = next((mark for mark in _MARKS if mark not in escaped), _MARKS[0])
    return _BAD_BYTE.sub(lambda bad: f"{mark}{ord(bad[0]) - 0xDC00:02x}", escaped).encode(), mark


def _not_utf8(name: str, mark: str) -> pl.Expr:
    """The reason for rejecting rows whose value of a column has bytes that are not UTF-8."""
    value = pl.col(name)
    shown = value.str.replace_all(mark, "\\x", literal=True)
    reason = pl.concat_str(pl.lit(f"`{name}` is not UTF-8: "), shown, pl.lit("; send UTF-8"))
    return pl.when(value.str.contains(mark, literal=True)).then(reason)


def _parse(
    path: Path,
    text: bytes,
    dialect: Dialect,
    names: list[str],
    *,
    types: Mapping[str, pl.DataType],
) -> tuple[pl.DataFrame, str]:
    """The columns ``names`` and _EXTRA of a text, and the mark of bytes that are not UTF-8.

    A text that does not fit the types, or is not UTF-8, is read again with all columns as text.
    """
    every = [*dialect.names, _EXTRA]
    chosen = {*names, _EXTRA}
    wanted = [index for index, name in enumerate(every) if name in chosen]
    read = partial(
        pl.read_csv,
        has_header=False,
        columns=None if len(wanted) == len(every) else wanted,
        missing_columns="insert",
        extra_columns="ignore",
        truncate_ragged_lines=True,
        separator=dialect.separator,
        quote_char=dialect.quote,
        eol_char=dialect.line_end,
        encoding="utf8",
        raise_if_empty=False,
    )
    schema = dict.fromkeys(every, pl.String())
    try:
        return read(text, schema={**schema, **types}), ""
    except pl.exceptions.PolarsError:
        text, mark = _marked(text)
    try:
        return read(text, schema=schema), mark
    except pl.exceptions.PolarsError as error:
        raise SourceError(unreadable(path, error)) from None
