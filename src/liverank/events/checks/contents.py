"""Content ids of events of one file that come in pieces.

An event without an id gets one made from its content (``sources``), with a number that
distinguishes equal events of one file. Invariant: the numbers do not depend on how a file is cut.
"""

from pathlib import Path

import numpy as np
import polars as pl

from liverank.events.checks.hashed import HashIndex, hashes_of
from liverank.events.row_text import row_text

_CONTENT_ID = r"^(~[0-9a-f]{20})(?:-\d+)?$"


class ContentNumbers:
    """Numbers equal events of a file, across all of its pieces.

    >>> from liverank.events.event import User
    >>> from liverank.events.frame import frame_of
    >>> piece = frame_of([User(time=0, user="u1", id="~0123456789abcdef0123")])
    >>> numbers = ContentNumbers()
    >>> [numbers.numbered(piece, Path(name))["id"].item() for name in ("a", "a", "b")]
    ['~0123456789abcdef0123', '~0123456789abcdef0123-2', '~0123456789abcdef0123']
    """

    def __init__(self) -> None:
        self._file: Path | None = None
        self._begin()

    def _begin(self) -> None:
        """Start counting again: numbers count within one file."""
        self._index = HashIndex()
        self._counts = np.empty(0, np.int64)

    def numbered(self, frame: pl.DataFrame, file: Path) -> pl.DataFrame:
        """The next piece of a file, with the ids that an import of the whole file would give."""
        if file != self._file:
            self._begin()
            self._file = file
        content = frame["id"].str.extract(_CONTENT_ID)
        rows = content.is_not_null().arg_true()
        if rows.is_empty():
            return frame
        content = content.gather(rows)
        indices = self._index.number(hashes_of(content))
        if self._index.size > len(self._counts):
            more = max(self._index.size, 2 * len(self._counts)) - len(self._counts)
            self._counts = np.append(self._counts, np.zeros(more, np.int64))
        within = content.to_frame("id").select(pl.int_range(1, pl.len() + 1).over("id"))
        number = within.to_series() + pl.Series(self._counts[indices])
        np.add.at(self._counts, indices, 1)
        ids = pl.DataFrame({"id": content, "number": number}).select(
            pl.when(pl.col("number") == 1).then("id").otherwise(row_text("{}-{}", "id", "number"))
        )
        return frame.with_columns(frame["id"].scatter(rows, ids.to_series()))
