"""Tables in files: CSV and TSV as text, Parquet with its own types, a piece at a time.

CSV is read as text throughout, so that a column whose thousandth value is odd loses that row and
not the file; the templates say what is a number. TSV knows no quotes. A row with bytes that are not
UTF-8 is rejected: what they stand for is not known. Invariant: a piece ends where a row ends, and
rows are counted through the whole file.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.errors import SourceError
from liverank.events.sources.files import Format, Progress, read_blocks

MAX_ROW_BYTES = 256 << 20
_PIECE_BYTES = 32 << 20

_EXTRA = "\x00extra"
_REASON = "\x00reason"
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_MARKS = [chr(code) for code in range(0xFDD0, 0xFDF0)]
"""What Unicode sets apart for programs to use as they like; no text holds them."""


class Table(NamedTuple):
    """Some rows of a file, numbered from 1 through the whole file in the column ``#``."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    """``#`` and ``reason`` of the rows that are no rows of this table."""


def read_delimited(
    path: Path,
    file_format: Format,
    columns: tuple[str, ...] | None,
    on_progress: Progress,
    *,
    at_once: int,
) -> Iterator[Table]:
    """Read a CSV or TSV file, about ``at_once`` rows at a time, at least one piece.

    ``columns`` names those of a file without a header. Empty values are null and empty rows are
    passed over; a row with too many values is rejected. Raises SourceError when the file cannot be
    read.
    """
    names = list(columns) if columns else None
    number = 1
    for text in _whole_rows(path, file_format, on_progress, at_once):
        has_header = names is None
        if names is None:
            names = _header(path, text, file_format)
            if not names:
                break
        text, mark = _marked(text)
        rows = _rows_of(path, text, names, file_format, has_header=has_header)
        rows = rows.with_columns(pl.int_range(number, number + pl.len()).alias("#"))
        number += rows.height
        rows = rows.filter(~pl.all_horizontal(pl.col(*names).is_null()))
        is_long = pl.col(_EXTRA).is_not_null()
        too_long = f"has more than the {len(names)} columns of the file"
        reasons: list[pl.Expr] = [pl.when(is_long).then(pl.lit(too_long))]
        reasons += [_not_utf8(name, mark) for name in names if mark]
        rows = rows.with_columns(pl.coalesce(reasons).alias(_REASON))
        is_sound = pl.col(_REASON).is_null()
        yield Table(
            rows.filter(is_sound).drop(_EXTRA, _REASON),
            rows.filter(~is_sound).select("#", pl.col(_REASON).alias("reason")),
        )
    if not names:
        yield Table(pl.DataFrame(schema={"#": pl.Int64}), none_rejected())


def read_parquet(path: Path, on_progress: Progress, *, at_once: int) -> Iterator[Table]:
    """Read a Parquet file, about ``at_once`` rows at a time, at least one piece.

    Raises SourceError when it cannot be read.
    """
    told, number = 0, 1
    try:
        stored = pl.scan_parquet(path, glob=False)
        size, total = path.stat().st_size, stored.select(pl.len()).collect().item()
        for rows in stored.collect_batches(chunk_size=at_once, maintain_order=True):
            numbers = pl.int_range(number, number + pl.len()).alias("#")
            yield Table(rows.with_columns(numbers), none_rejected())
            number += rows.height
            done = size * (number - 1) // max(total, 1)
            on_progress(done - told)
            told = done
        if number == 1:
            yield Table(
                stored.head(0).with_columns(pl.lit(0).alias("#")).collect(), none_rejected()
            )
            on_progress(size)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"{path}: is not readable as Parquet: {_line(error)}") from None


def none_rejected() -> pl.DataFrame:
    """No rejected rows of a table."""
    return pl.DataFrame(schema={"#": pl.Int64, "reason": pl.String})


def _whole_rows(
    path: Path, file_format: Format, on_progress: Progress, at_once: int
) -> Iterator[bytes]:
    """The file's text in pieces that end with a row; line ends in quotes do not end one."""
    held = b""
    blocks: list[bytes] = []
    ends = size = 0
    is_first = True
    for block in read_blocks(path, on_progress):
        blocks.append(block.removeprefix(_BOM) if is_first and block else block)
        is_first = is_first and not block
        ends += block.count(b"\n")
        size += len(block)
        if ends < at_once and size < _PIECE_BYTES:
            continue
        held += b"".join(blocks)
        cut = _end_of_rows(held, quotes=file_format != "tsv")
        blocks, ends, size = [], 0, 0
        if cut:
            yield held[:cut]
            held = held[cut:]
        elif len(held) > MAX_ROW_BYTES:
            raise SourceError(
                f"{path}: a row is longer than {MAX_ROW_BYTES >> 20} MB; is a quote not closed?"
            )
    held += b"".join(blocks)
    if held:
        yield held


def _end_of_rows(text: bytes, *, quotes: bool) -> int:
    """Where the last whole row of a text ends that begins with a row; 0 where none does."""
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
    """The text as UTF-8, each byte that is none as a mark with two hex digits; and the mark.

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
    """The reason of rows whose value of a column holds bytes that are not UTF-8."""
    value = pl.col(name)
    shown = value.str.replace_all(mark, "\\x", literal=True)
    told = pl.concat_str(pl.lit(f"`{name}` is not UTF-8: "), shown, pl.lit("; send UTF-8"))
    return pl.when(value.str.contains(mark, literal=True)).then(told)


def _rows_of(
    path: Path, text: bytes, names: list[str], file_format: Format, *, has_header: bool
) -> pl.DataFrame:
    try:
        return pl.read_csv(
            text,
            has_header=False,
            skip_lines=1 if has_header else 0,
            schema=dict.fromkeys([*names, _EXTRA], pl.String),
            missing_columns="insert",
            extra_columns="ignore",
            truncate_ragged_lines=True,
            separator="\t" if file_format == "tsv" else ",",
            quote_char=None if file_format == "tsv" else '"',
            encoding="utf8",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{path}: is not readable as {file_format}: {_line(error)}") from None


def _header(path: Path, body: bytes, file_format: Format) -> list[str]:
    """Names of the first line; an empty one gets none (it stays ""), a second ``a`` is ``a_2``."""
    try:
        line = body.split(b"\n", 1)[0].decode().rstrip("\r")
    except UnicodeDecodeError as error:
        given = "UTF-16" if body.startswith(_UTF_16) else f"not UTF-8 (byte {body[error.start]:#x})"
        raise SourceError(f"{path}: its first line is {given}; save it as UTF-8") from None
    if not line:
        return []
    try:
        named = line.split("\t") if file_format == "tsv" else next(csv.reader([line]))
    except csv.Error as error:
        raise SourceError(f"{path}: its first line names no columns: {error}") from None
    names: list[str] = []
    for name in named:
        times = sum(name == other for other in named[: len(names)])
        names.append(f"{name}_{times + 1}" if times else name)
    return names


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
