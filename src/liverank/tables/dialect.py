"""How a delimited file is written: its separator, its quotes and the names of its columns.

Where the format is declared (an import of events), it determines the separator; else all of it is
detected from the first lines (``liverank.tables.detection``).
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from liverank.errors import SourceError
from liverank.tables.encodings import BOM

DelimitedFormat: TypeAlias = Literal["csv", "tsv"]

SEPARATORS = (",", "\t", ";", "|")

HEAD_BYTES = 1 << 18
"""Number of bytes from which a file's separator and header are detected."""
_QUOTED = re.compile('"[^"]*"')


class Dialect(NamedTuple):
    """How a delimited file is written. Offsets are in its text as UTF-8, without a mark."""

    separator: str
    quote: str | None
    names: tuple[str, ...]
    has_header: bool = True
    rows_at: int = 0
    """Offset of the first row, after the header and what stands before it."""
    rows_line: int = 1
    """Line of the file, from 1, on which the first row begins."""
    line_end: str = "\n"
    r"""The character that ends a row: ``\n``, also in ``\r\n``; ``\r`` in files of old Macs."""
    header: bytes = b""
    """The header as it is written, without its line end."""
    notes: tuple[str, ...] = ()
    """What was passed over before the header."""


class Record(NamedTuple):
    """The values of one row of a text, and the number of the line after it, from 0."""

    values: list[str]
    next_line: int


def declared_dialect(
    path: Path, head: bytes, file_format: DelimitedFormat, names: Sequence[str] | None
) -> Dialect | None:
    r"""The dialect of a file whose format is known; None for an empty file without ``names``.

    ``names`` are those of a file without a header. In a header, an empty name stays empty and a
    second ``a`` becomes ``a_2``. CSV has commas and quotes, TSV tabs and no quotes. Raises
    SourceError for a header that cannot be read.

    >>> declared_dialect(Path("a.tsv"), b"x\ty\n", "tsv", None).names
    ('x', 'y')
    """
    separator, quote = ("\t", None) if file_format == "tsv" else (",", '"')
    text = head.removeprefix(BOM).decode("utf-8", "surrogateescape")
    line_end = line_end_of(text)
    if names:
        return Dialect(separator, quote, tuple(names), has_header=False, line_end=line_end)
    lines = lines_of(text, line_end)
    try:
        first = next(records_of(lines, separator, quote), None)
    except csv.Error as error:
        raise SourceError(f"{path}: its first line names no columns: {error}") from None
    if first is None or not "".join(lines[: first.next_line]).strip("\r\n"):
        return None
    header = "".join(lines[: first.next_line])
    try:
        header.encode()
    except UnicodeEncodeError as error:
        byte = ord(header[error.start]) - 0xDC00
        raise SourceError(
            f"{path}: its first line is not UTF-8 (byte {byte:#x}); save it as UTF-8"
        ) from None
    distinct: list[str] = []
    for name in first.values:
        times = sum(name == other for other in first.values[: len(distinct)])
        distinct.append(f"{name}_{times + 1}" if times else name)
    return Dialect(
        separator,
        quote,
        tuple(distinct),
        rows_at=len(header.encode()),
        rows_line=first.next_line + 1,
        line_end=line_end,
    )


def line_end_of(text: str) -> str:
    r"""The character that ends the rows of a text: ``\r`` where no line outside quotes has ``\n``.

    >>> line_end_of("a,b\r1,2\r"), line_end_of("a,b\r\n1,2\r\n"), line_end_of("a")
    ('\r', '\n', '\n')
    """
    if "\r" not in text.replace("\r\n", "\n"):
        return "\n"
    outside = _QUOTED.sub("", text)
    return "\r" if "\r" in outside and "\n" not in outside else "\n"


def lines_of(text: str, line_end: str) -> list[str]:
    """The lines of a text, each with its end."""
    lines = [line + line_end for line in text.split(line_end)]
    last = lines.pop()[: -len(line_end)]
    return [*lines, last] if last else lines


def records_of(lines: Sequence[str], separator: str, quote: str | None) -> Iterator[Record]:
    """The rows of a text, one after another; a quoted value may hold line ends.

    Raises csv.Error for a row that cannot be read.
    """
    if quote is None:
        read = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    else:
        read = csv.reader(lines, delimiter=separator)
    for values in read:
        yield Record(values, read.line_num)
