"""What a check of the events tells."""

from typing import Literal, Protocol, TypeAlias

import msgspec
import polars as pl

Severity: TypeAlias = Literal["error", "warning", "info"]
"""``error`` stops training or loses events, ``warning`` costs quality, ``info`` is good to know."""

_TOLD = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is odd, how often, and where to look."""

    name: str
    severity: Severity
    message: str
    count: int
    examples: tuple[str, ...] = ()


def text_of(pattern: str, *columns: str | pl.Expr) -> pl.Expr:
    """The text of a row: ``pattern`` with each ``{}`` replaced; null where a column is.

    ``pl.format`` does the same, but fails on frames whose columns lie in several chunks.

    >>> pl.DataFrame({"a": ["x"], "b": [3]}).select(text_of("{} at {}", "a", "b")).item()
    'x at 3'
    """
    between = pattern.split("{}")
    parts: list[pl.Expr] = [pl.lit(between[0])]
    for column, after in zip(columns, between[1:], strict=True):
        parts += [pl.col(column) if isinstance(column, str) else column, pl.lit(after)]
    return pl.concat_str(parts)


class Check(Protocol):
    """A look at events that come in pieces, frames of ``frame.SCHEMA`` in their order."""

    def feed(self, frame: pl.DataFrame) -> None:
        """Look at the next piece."""

    def findings(self) -> list[Finding]:
        """What was odd in all pieces together; nothing for what was not."""


class Examples:
    """The first three distinct texts of odd rows, by the place of each row among all events.

    Rows may be added in any order of their places.

    >>> examples = Examples()
    >>> examples.add(pl.Series(["r9", "r7", "r9"]), pl.Series([5, 6, 7]))
    >>> examples.add(pl.Series(["r1"]), pl.Series([2]))
    >>> examples.told()
    ('r1', 'r9', 'r7')
    """

    def __init__(self) -> None:
        self._first: dict[str | None, int] = {}

    def add(self, texts: pl.Series, rows: pl.Series) -> None:
        """Add odd rows: a text (or null, where there is none to tell) and a place of each."""
        if len(self._first) == _TOLD and not (rows < max(self._first.values())).any():
            return
        first = pl.DataFrame({"text": texts, "row": rows}).group_by("text").agg(pl.col("row").min())
        for text, row in first.sort("row").head(_TOLD).iter_rows():
            self._first[text] = min(row, self._first.get(text, row))
        kept = sorted(self._first.items(), key=lambda pair: pair[1])[:_TOLD]
        self._first = dict(kept)

    def told(self) -> tuple[str, ...]:
        """The texts, in the order of their rows."""
        return tuple(text for text in self._first if text is not None)
