"""Delimited files, a piece at a time: the one reader of CSV and TSV, for imports and for AutoML.

A row with more values than the header, or with bytes that are not UTF-8, is rejected under its
number. Values are text unless ``types`` are given; a piece that does not fit those is text too.
Invariant: a piece ends where a row ends, and rows are numbered through the whole file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from liverank.errors import SourceError
from liverank.tables.compressed import Progress, no_progress, read_blocks
from liverank.tables.dialect import BOM, Dialect
from liverank.tables.pieces import TablePiece, none_rejected, unreadable

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
) -> Iterator[TablePiece]:
    """Read a file, about ``at_once`` rows at a time, at least one piece.

    Yields ``columns`` of the file, or all. Empty values are null, and rows without a value in these
    columns are skipped. Raises SourceError when the file cannot be read.
    """
    names = list(dialect.names if columns is None else columns)
    number, skipped = 1, 1 if dialect.has_header else 0
    for text in _whole_rows(path, dialect, on_progress, at_once):
        rows, mark = _parse(path, text, dialect, names, types=types or {}, skipped=skipped)
        rows = rows.with_columns(pl.int_range(number, number + pl.len()).alias("#"))
        number += rows.height
        skipped = 0
        yield _checked(rows, names, dialect, mark)
    if number == 1 and skipped:
        yield TablePiece(pl.DataFrame(schema={"#": pl.Int64}), none_rejected())


def _checked(rows: pl.DataFrame, names: list[str], dialect: Dialect, mark: str) -> TablePiece:
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
        rows.filter(~is_sound).select("#", pl.col(_REASON).alias("reason")),
    )


def _whole_rows(
    path: Path, dialect: Dialect, on_progress: Progress, at_once: int
) -> Iterator[bytes]:
    """The file's text in pieces that end with a row; line ends within quotes do not end a row."""
    rest = b""
    blocks: list[bytes] = []
    ends = size = 0
    is_first = True
    for block in read_blocks(path, on_progress):
        blocks.append(block.removeprefix(BOM) if is_first and block else block)
        is_first = is_first and not block
        ends += block.count(b"\n")
        size += len(block)
        if ends < at_once and size < _PIECE_BYTES:
            continue
        rest += b"".join(blocks)
        cut = _end_of_rows(rest, quotes=dialect.quote is not None)
        blocks, ends, size = [], 0, 0
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > MAX_ROW_BYTES:
            raise SourceError(
                f"{path}: a row is longer than {MAX_ROW_BYTES >> 20} MB; is a quote not closed?"
            )
    rest += b"".join(blocks)
    if rest:
        yield rest


def _end_of_rows(text: bytes, *, quotes: bool) -> int:
    """The offset after the last complete row of a text that begins with a row; 0 without one."""
    end = text.rfind(b"\n") + 1
    if not quotes:
        return end
    opened = text.count(b'"', 0, end)
    while end and opened % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        opened -= text.count(b'"', before, end)
        end = before
    return end


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
    skipped: int,
) -> tuple[pl.DataFrame, str]:
    """The columns ``names`` and _EXTRA of a text, and the mark of bytes that are not UTF-8.

    A text that does not fit the types, or is not UTF-8, is read again with all columns as text.
    """
    every = [*dialect.names, _EXTRA]
    wanted = [index for index, name in enumerate(every) if name in names or name == _EXTRA]
    read = partial(
        pl.read_csv,
        has_header=False,
        skip_lines=skipped,
        columns=None if len(wanted) == len(every) else wanted,
        missing_columns="insert",
        extra_columns="ignore",
        truncate_ragged_lines=True,
        separator=dialect.separator,
        quote_char=dialect.quote,
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
