"""How a delimited file is written: its separator, its quotes and the names of its columns.

Where the format is declared (an import of events), it determines the separator; else it is
detected from the first lines.
"""

import csv
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from liverank.errors import SourceError

DelimitedFormat: TypeAlias = Literal["csv", "tsv"]

SEPARATORS = (",", "\t", ";", "|")

HEAD_BYTES = 1 << 18
"""Number of bytes from which a file's separator and header are detected."""
BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED_LINES = 100


class Dialect(NamedTuple):
    """How a delimited file is written."""

    separator: str
    quote: str | None
    names: tuple[str, ...]
    has_header: bool = True


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
    if names:
        return Dialect(separator, quote, tuple(names), has_header=False)
    body = head.removeprefix(BOM)
    try:
        line = body.split(b"\n", 1)[0].decode().rstrip("\r")
    except UnicodeDecodeError as error:
        given = "UTF-16" if body.startswith(_UTF_16) else f"not UTF-8 (byte {body[error.start]:#x})"
        raise SourceError(f"{path}: its first line is {given}; save it as UTF-8") from None
    if not line:
        return None
    try:
        given_names = line.split("\t") if file_format == "tsv" else next(csv.reader([line]))
    except csv.Error as error:
        raise SourceError(f"{path}: its first line names no columns: {error}") from None
    distinct: list[str] = []
    for name in given_names:
        times = sum(name == other for other in given_names[: len(distinct)])
        distinct.append(f"{name}_{times + 1}" if times else name)
    return Dialect(separator, quote, tuple(distinct))


def sniff(path: Path, head: bytes) -> Dialect:
    r"""Detect the separator, the quotes and the header from a file's first bytes.

    Raises SourceError for a file that is no text, and for a header that names a column twice.

    >>> sniff(Path("a.csv"), b'name;size\n"a;b";3\n').names
    ('name', 'size')
    """
    if head[:2] in _UTF_16 or b"\0" in head:
        raise SourceError(f"{path}: is not text in UTF-8; save it as CSV in UTF-8, or as Parquet")
    try:
        text = getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path}: line {line} is not UTF-8; convert the file, if it is Latin-1 by "
            f"`iconv -f latin1 -t utf-8 {path.name}`"
        ) from None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and len(head) >= HEAD_BYTES:
        lines.pop()  # it may be incomplete
    separator = max(SEPARATORS, key=lambda each: _evenness(lines[:_SNIFFED_LINES], each))
    # TSV is often written without quotes; a quote is then a character like any other.
    is_quoted = separator != "\t" or any(
        field[:1] == field[-1:] == '"' and len(field) > 1
        for line in lines
        for field in line.split(separator)
    )
    quote = '"' if is_quoted else None
    first = _fields(lines[0], separator, quote)
    names = tuple(name.strip() or f"column_{number}" for number, name in enumerate(first, start=1))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SourceError(
            f"{path}: its header names column `{twice[0]}` {names.count(twice[0])} times; "
            "give each column a name of its own"
        )
    return Dialect(separator, quote, names)


def _evenness(lines: list[str], separator: str) -> tuple[float, int]:
    """The share of lines with as many values as the header, and the number of those values."""
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
