"""Detects how a delimited file is written: separator, quotes, line ends, and where its header is.

Lines before the header (comments, a title, ``sep=;``) are passed over, with a note.
Invariant: a line is passed over only if the lines after it show that it is no header.
"""

import csv
import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from liverank.errors import SourceError
from liverank.tables.dialect import (
    HEAD_BYTES,
    SEPARATORS,
    Dialect,
    Record,
    line_end_of,
    lines_of,
    records_of,
)
from liverank.tables.encodings import BOM, text_head
from liverank.tables.foreign import check_is_delimited
from liverank.tables.quotes import find_quotes

_SNIFFED_ROWS = 100
_MOST_BEFORE = 30
"""Most rows that may stand before a header."""
_SEPARATOR_LINE = re.compile(r'"?sep=(\\t|[^\r\n])"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?\s*")


def detect(path: Path) -> Dialect:
    """Detect the dialect of a file. Raises SourceError as ``sniff`` does."""
    size = HEAD_BYTES
    while True:
        head = text_head(path, size)
        try:
            dialect = sniff(path, head, is_whole=len(head) < size)
        except _TooShortError:
            size *= 4
        else:
            return dialect


class _TooShortError(Exception):
    """The header does not end in the bytes that were read."""


def sniff(path: Path, head: bytes, *, is_whole: bool = True) -> Dialect:
    r"""Detect the dialect from a file's first bytes, or from all of it.

    Raises SourceError for a file that is not delimited text, and for a header that names a column
    twice, or fewer columns than the rows have.

    >>> sniff(Path("a.csv"), b'name;size\n"a;b";3\n').names
    ('name', 'size')
    >>> sniff(Path("a.csv"), b"# of May\nname,size\na,3\n").names
    ('name', 'size')
    """
    head = head.removeprefix(BOM)
    check_is_delimited(path, head)
    text = _decoded(path, head, is_whole=is_whole)
    line_end = line_end_of(text)
    lines = lines_of(text, line_end)
    if len(lines) > 1 and not is_whole:
        lines.pop()  # it may be incomplete
    named = _SEPARATOR_LINE.fullmatch(lines[0])
    first = 1 if named else 0
    if named:
        separator = "\t" if named[1] == r"\t" else named[1]
    else:
        separator = max(SEPARATORS, key=lambda each: _evenness(_some(lines, each, '"')))
    quote = '"' if _is_quoted(lines, separator) else None
    rows = _some(lines[first:], separator, quote)
    at = _header(path, rows)
    header = rows[at]
    if not is_whole and first + header.next_line == len(lines):
        raise _TooShortError
    if quote is not None:
        _check_closed(path, lines[: first + header.next_line], separator, line_end)
    begins = first + (rows[at - 1].next_line if at else 0)
    ends = first + header.next_line
    return Dialect(
        separator,
        quote,
        _distinct(path, header.values),
        rows_at=len("".join(lines[:ends]).encode()),
        rows_line=ends + 1,
        line_end=line_end,
        header="".join(lines[begins:ends]).strip("\r\n").encode(),
        notes=_passed_over(lines[first:begins]),
    )


def _check_closed(path: Path, lines: Sequence[str], separator: str, line_end: str) -> None:
    """Raise SourceError where a quote of the header, or before it, opens and is not closed."""
    text = "".join(lines).encode()
    opens = find_quotes(text, separator, line_end).open_at
    if opens is not None:
        line = text.count(line_end.encode(), 0, opens) + 1
        raise SourceError(f"{path}: line {line}: the quote that opens here is not closed; close it")


def _decoded(path: Path, head: bytes, *, is_whole: bool) -> str:
    try:
        return getincrementaldecoder("utf-8")().decode(head, final=is_whole)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path}: line {line} is not UTF-8; {convert(path)}") from None


def convert(path: Path) -> str:
    """How to make UTF-8 of a file."""
    return (
        "convert the file, if it is Latin-1 by "
        f"`iconv -f latin1 -t utf-8 {path.name} > utf8-{path.name}`"
    )


def _some(lines: Sequence[str], separator: str, quote: str | None) -> list[Record]:
    """The first rows of a text; those up to one that cannot be read."""
    rows: list[Record] = []
    with suppress(csv.Error):  # such as a very long value; the rows before it are enough
        rows.extend(islice(records_of(lines, separator, quote), _SNIFFED_ROWS))
    return rows or [Record(line.split(separator), n + 1) for n, line in enumerate(lines[:1])]


def _is_quoted(lines: Sequence[str], separator: str) -> bool:
    # TSV is often written without quotes; a quote is then a character like any other.
    return separator != "\t" or any(
        field[:1] == field[-1:] == '"' and len(field) > 1
        for line in lines
        for field in line.rstrip("\r\n").split(separator)
    )


def _evenness(rows: Sequence[Record]) -> tuple[bool, float, int]:
    """Whether the first row is as wide as most; the share of those; and their width."""
    widths = [len(row.values) for row in rows if not _is_blank(row)]
    width, count = _usual(widths)
    if width < 2:
        return False, 0.0, width
    return widths[0] == width, count / len(widths), width


def _usual(widths: Sequence[int]) -> tuple[int, int]:
    """The most frequent width (of several the first), and how often it occurs."""
    return Counter(widths).most_common(1)[0] if widths else (0, 0)


def _is_blank(row: Record) -> bool:
    return not any(value.strip() for value in row.values)


def _header(path: Path, rows: Sequence[Record]) -> int:
    """The index of the header. Raises SourceError where the first lines leave that open."""
    filled = [n for n, row in enumerate(rows) if not _is_blank(row)]
    width, count = _usual([len(rows[n].values) for n in filled])
    at = 0
    while at + 1 < len(filled) and _is_comment(rows, filled[at : at + 2], width):
        at += 1
    first = filled[at]
    given = len(rows[first].values)
    if given >= width or count < 0.5 * len(filled):
        return first
    for later in filled[at + 1 : at + _MOST_BEFORE]:
        if len(rows[later].values) == width:
            parted = any(_is_blank(row) for row in rows[first:later])
            if _could_be_header(rows[later]) and (parted or _heads_numbers(rows, later)):
                return later
            break
    raise SourceError(
        f"{path}: its header has fewer names ({given}) than most rows have values ({width}): name "
        "each column; if the line is not the header, remove what stands before the header"
    )


def _is_comment(rows: Sequence[Record], where: Sequence[int], width: int) -> bool:
    """Whether a row that is followed by another one is a comment."""
    row, following = (rows[n] for n in where)
    if not row.values[0].lstrip().startswith("#"):
        return False
    if following.values[0].lstrip().startswith("#") and len(following.values) != width:
        return True
    if width > 1 and len(row.values) != width:
        return True
    if width == 1:
        return " " in row.values[0].strip() and _could_be_header(following)
    return _could_be_header(following) and _heads_numbers(rows, where[1])


def _could_be_header(row: Record) -> bool:
    """Whether a row could name columns: all different, none empty, no numbers."""
    names = [value.strip() for value in row.values]
    return len(set(names)) == len(names) and not any(
        not name or _NUMBER.fullmatch(name) for name in names
    )


def _heads_numbers(rows: Sequence[Record], at: int) -> bool:
    """Whether all known values of some column below a row are numbers."""
    below = [row.values for row in rows[at + 1 :] if not _is_blank(row)]
    for column in range(len(rows[at].values)):
        values = [value[column] for value in below if len(value) > column and value[column].strip()]
        if values and all(_NUMBER.fullmatch(value) for value in values):
            return True
    return False


def _distinct(path: Path, values: Sequence[str]) -> tuple[str, ...]:
    """The names of a header, a number for each empty one. Raises SourceError for a double one."""
    given = [value.strip() for value in values]
    names = []
    for number, name in enumerate(given, start=1):
        made = f"column_{number}"
        while not name and made in given:
            made += "_"
        names.append(name or made)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SourceError(
            f"{path}: its header names column `{twice[0]}` {names.count(twice[0])} times; "
            "give each column a name of its own"
        )
    return tuple(names)


def _passed_over(lines: Sequence[str]) -> tuple[str, ...]:
    filled = [line.strip() for line in lines if any(map(str.isalnum, line))]
    if not filled:
        return ()
    what = "line stands" if len(filled) == 1 else "lines stand"
    return (
        f"{len(filled)} {what} before the header and {'is' if len(filled) == 1 else 'are'} passed "
        f'over, such as "{filled[0][:60]}"',
    )
