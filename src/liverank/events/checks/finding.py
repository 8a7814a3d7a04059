"""The contract of a check of events, and the finding that it reports."""

from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec
import polars as pl

from liverank.config import Config

Severity: TypeAlias = Literal["error", "warning", "info"]
"""``error`` stops training or loses events, ``warning`` costs quality, ``info`` is good to know."""

_MAX_EXAMPLES = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of odd event, how many there are, and examples to look up."""

    name: str
    severity: Severity
    message: str
    count: int
    examples: tuple[str, ...] = ()


class CheckSetup(NamedTuple):
    """Settings that a check may need before the first event."""

    config: Config
    now_ms: int
    """Arrival time assumed for events that have none yet (those of a file), Unix ms."""
    of_log: bool
    """Whether the events come from a log: ids never repeat there, and events have an order."""


class Check(Protocol):
    """A check of events that come in pieces: frames of ``frame.SCHEMA``, in their order."""

    def feed(self, frame: pl.DataFrame) -> None:
        """Check the next piece."""

    def findings(self) -> list[Finding]:
        """The findings over all pieces; empty where nothing is odd."""


class Examples:
    """Keeps the first three distinct texts of odd rows, ordered by row number among all events.

    Rows may be added in any order.

    >>> examples = Examples()
    >>> examples.add(pl.Series(["r9", "r7", "r9"]), pl.Series([5, 6, 7]))
    >>> examples.add(pl.Series(["r1"]), pl.Series([2]))
    >>> examples.texts()
    ('r1', 'r9', 'r7')
    """

    def __init__(self) -> None:
        self._first: dict[str | None, int] = {}

    def add(self, texts: pl.Series, rows: pl.Series) -> None:
        """Add odd rows: the text (null where there is none) and the row number of each."""
        if len(self._first) == _MAX_EXAMPLES and not (rows < max(self._first.values())).any():
            return
        first = pl.DataFrame({"text": texts, "row": rows}).group_by("text").agg(pl.col("row").min())
        for text, row in first.sort("row").head(_MAX_EXAMPLES).iter_rows():
            self._first[text] = min(row, self._first.get(text, row))
        kept = sorted(self._first.items(), key=lambda pair: pair[1])[:_MAX_EXAMPLES]
        self._first = dict(kept)

    def texts(self) -> tuple[str, ...]:
        """The texts, in the order of their rows."""
        return tuple(text for text in self._first if text is not None)
