"""Finds where quoted values begin and end in delimited text, so that it can be cut between rows.

A quote opens a value only at its begin; a quote within an unquoted value (``5" pipe``) is a
character like any other. Invariant: a text that is cut at ``Quotes.whole`` has no open quote.
"""

import csv
import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_QUOTE = ord('"')
_MOST_BLANKS = 64
"""Most blanks before a quote that opens a value."""


class Quotes(NamedTuple):
    """What quotes do in a text that begins with a row."""

    whole: int
    """Offset after the last row that ends in the text; 0 without one."""
    open_at: int | None = None
    """Offset of the quote that opens a value which does not end in the text."""
    broken_at: int | None = None
    """Offset of the quote that opens the first value with text after its closing quote."""
    closed_at: int | None = None
    """Offset of that closing quote."""
    is_plain: bool = True
    """Whether quotes are only around values, and twice within them."""


def find_quotes(text: bytes, separator: str, line_end: str) -> Quotes:
    r"""What the quotes of a text do; ``separator`` and ``line_end`` are one character each.

    >>> find_quotes(b'1,"a\nb"\n2,"c', ",", "\n")[:2]
    (8, 10)
    >>> find_quotes(b'1,5" pipe\n', ",", "\n").is_plain
    False
    """
    end = line_end.encode()
    if b'"' not in text:
        return Quotes(text.rfind(end) + 1)
    array = np.frombuffer(text, np.uint8)
    at = np.flatnonzero(array == _QUOTE)
    first = _pairs(array, at, ord(separator), ord(end))
    if first is None:
        return _one_by_one(text, at.tolist(), separator.encode(), end)
    open_at = int(first) if len(at) % 2 else None
    return Quotes(_last_end(text, end, at, open_at), open_at)


def without_stray_quotes(text: bytes, separator: str, line_end: str) -> bytes:
    r"""The same rows with quotes only around values, and no blanks before them.

    Raises csv.Error for a value that is too long.

    >>> without_stray_quotes(b'1,5" pipe\n2, "a, b"\n', ",", "\n")
    b'1,"5"" pipe"\n2,"a, b"\n'
    """
    written = io.StringIO()
    lines = io.StringIO(text.decode("latin-1"), newline="")  # keeps every byte
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ")
    csv.writer(written, delimiter=separator, lineterminator=line_end).writerows(rows)
    return written.getvalue().encode("latin-1")


def _pairs(array: NDArray[np.uint8], at: NDArray[np.int64], separator: int, end: int) -> int | None:
    """Where the last value opens, if quotes in pairs open and close values; None where not."""
    opens, closes = at[0::2], at[1::2]
    before = np.where(opens > 0, array[opens - 1], end)
    after = np.append(array, np.uint8(end))[closes + 1]
    is_first = np.append(True, opens[1:] != closes[: len(opens) - 1] + 1)
    starts = (before == separator) | (before == 10) | (before == 13) | ~is_first
    ends = (after == separator) | (after == 10) | (after == 13) | (after == _QUOTE)
    if not (starts.all() and ends.all()):
        return None
    return int(opens[np.flatnonzero(is_first)[-1]])


def _last_end(text: bytes, end: bytes, at: NDArray[np.int64], open_at: int | None) -> int:
    """The offset after the last line end outside of quotes; ``at`` are the quotes in pairs."""
    stop = len(text) if open_at is None else open_at
    while stop > 0:
        found = text.rfind(end, 0, stop)
        if found < 0:
            return 0
        inside = int(np.searchsorted(at, found))
        if inside % 2 == 0:
            return found + 1
        stop = int(at[inside - 1])
    return 0


def _one_by_one(text: bytes, at: list[int], separator: bytes, end: bytes) -> Quotes:
    """The same as the rules say it, quote by quote."""
    edges = (separator, b"\n", b"\r", b"")
    whole = start = index = 0  # all before ``start`` is known
    is_plain = True
    while index < len(at):
        opens = at[index]
        before = text[max(start, opens - 1) : opens]
        lead = text[max(start, opens - _MOST_BLANKS) : opens].rstrip(b" ")
        is_plain = is_plain and before in edges
        if lead[-1:] not in edges:  # a quote within an unquoted value
            index += 1
            continue
        whole = max(whole, text.rfind(end, start, opens) + 1)
        index += 1
        while index + 1 < len(at) and at[index + 1] == at[index] + 1:
            index += 2
        if index >= len(at):
            return Quotes(whole, open_at=opens, is_plain=is_plain)
        start = at[index] + 1
        index += 1
        if text[start : start + 1] not in edges:
            return Quotes(whole, broken_at=opens, closed_at=start - 1, is_plain=False)
    return Quotes(max(whole, text.rfind(end, start) + 1), is_plain=is_plain)
