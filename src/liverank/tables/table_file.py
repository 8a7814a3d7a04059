"""A table in a file: CSV, TSV or Parquet, compressed or not, read a piece at a time.

Invariant: a row that is left out or cannot be read whole is an error, or is counted in the notes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import SourceError
from liverank.tables.compressed import COMPRESSIONS
from liverank.tables.delimited import read_pieces
from liverank.tables.detection import convert, detect
from liverank.tables.dialect import HEAD_BYTES, Dialect
from liverank.tables.encodings import text_head
from liverank.tables.parquet import read_parquet
from liverank.tables.pieces import TablePiece, unreadable

SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".parquet", ".pq")

_PARQUET = b"PAR1"
_NUMBER = "\x00number"
"""Name of the column of row numbers; a table may well have one called ``#``."""


class _Rows(NamedTuple):
    """Some rows of a file: how many, and the number of the first."""

    total: int = 0
    first: int = 0

    def with_more(self, numbers: NDArray[np.int64]) -> "_Rows":
        first = self.first if self.total or not len(numbers) else int(numbers[0])
        return _Rows(self.total + len(numbers), first)


class TableFile:
    """A file that holds a table; ``notes`` and ``warnings`` are of the rows read last.

    dialect  how the file is written; None for Parquet
    names    of the columns

    Raises SourceError, with the file, and the row or line, when it cannot be read.

    >>> TableFile(Path("/no/such/file.csv"))
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.csv: no such file
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        head = _head(path)
        self.dialect: Dialect | None = None
        if head.startswith(_PARQUET):
            if path.suffix.lower() in COMPRESSIONS:
                raise SourceError(f"{path}: holds a Parquet file; unpack it, and give that")
            self.names: tuple[str, ...] = tuple(self._stored().collect_schema().names())
        else:
            self.dialect = detect(path)
            self.names = self.dialect.names
        self._short = self._headers = _Rows()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the file, as text."""
        found = () if self.dialect is None else self.dialect.notes
        if not self._short.total:
            return found
        many = "row has" if self._short.total == 1 else "rows have"
        return (
            *found,
            f"{self._short.total} {many} fewer values than the header has names (row "
            f"{self._short.first} after the header, for instance); the last values are unknown",
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong with the file, as text."""
        if not self._headers.total:
            return ()
        one = self._headers.total == 1
        return (
            f"{self._headers.total} {'row repeats' if one else 'rows repeat'} the header (row "
            f"{self._headers.first} after the header, for instance), as where files are put "
            f"together; {'it is' if one else 'they are'} left out",
        )

    def whole(self, columns: Sequence[str]) -> pl.DataFrame:
        """These columns of all rows of a Parquet file."""
        try:
            return self._stored().select(columns).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(unreadable(self.path, error)) from None

    def pieces(
        self,
        at_once: int,
        columns: Sequence[str] | None = None,
        types: Mapping[str, pl.DataType] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """The rows of a delimited file, at least one piece; arguments as of ``read_pieces``."""
        assert self.dialect is not None
        self._short = self._headers = _Rows()
        for piece in read_pieces(
            self.path, self.dialect, at_once=at_once, columns=columns, types=types, number=_NUMBER
        ):
            yield self._sound_rows(piece)

    def batches(
        self, at_once: int, decimals: Collection[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """All rows, about ``at_once`` at a time; values of a delimited file are text.

        ``decimals`` are the columns that ``with_points`` is done to; None for all.
        """
        if self.dialect is None:
            for piece in read_parquet(self.path, at_once=at_once, number=_NUMBER):
                if piece.rows.height:
                    yield piece.rows.drop(_NUMBER)
            return
        chosen = set(self.names if decimals is None else decimals)
        for rows in self.pieces(at_once):
            if rows.height:
                yield rows.with_columns(
                    with_points(each, self.dialect) for each in rows if each.name in chosen
                )

    def _stored(self) -> pl.LazyFrame:
        try:
            stored = pl.scan_parquet(self.path, glob=False)
            stored.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(unreadable(self.path, error)) from None
        return stored

    def _sound_rows(self, piece: TablePiece) -> pl.DataFrame:
        """The rows of a piece, without their numbers. Raises SourceError for rejected ones."""
        if piece.rejected.height:
            number, reason = piece.rejected.row(0)
            where = f"{self.path}: row {number} after the header: {reason}"
            cure = f"; {convert(self.path)}" if "not UTF-8" in reason else ""
            raise SourceError(f"{where}{cure}")
        rows = piece.rows
        if len(piece.headers):
            rows = rows.filter(~pl.col(_NUMBER).is_in(piece.headers.tolist()))
        self._headers = self._headers.with_more(piece.headers)
        self._short = self._short.with_more(piece.short)
        return rows.drop(_NUMBER)


def with_points(text: pl.Series, dialect: Dialect) -> pl.Series:
    """A column of text with points before decimals.

    Where values are divided by semicolons, commas stand before decimals.
    """
    if dialect.separator != ";":
        return text
    is_decimal = text.str.contains(r"^[+-]?\d+,\d+$")
    return text.str.replace(",", ".", literal=True).zip_with(is_decimal.fill_null(False), text)


def _head(path: Path) -> bytes:
    """The first bytes of a file that is there and not empty."""
    if path.is_dir():
        raise SourceError(f"{path}: is a folder; name one file of it ({', '.join(SUFFIXES)})")
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    head = text_head(path, HEAD_BYTES)
    if not head.strip():
        raise SourceError(f"{path}: is empty; a table has a header and rows")
    return head
