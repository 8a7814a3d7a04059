"""Files with one JSON object a line, of any shape, as tables for ``[[sources]]`` to map.

A key has one type throughout a file: that of its values where they agree, else text. So a file of
more than one piece is read twice, first for the types. Invariant: however a file is cut into
pieces, its rows are the same.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from liverank.events.explain import UNDECODABLE, explain
from liverank.events.sources.files import Progress, tell_nobody
from liverank.events.sources.lines import read_lines

_decoder = msgspec.json.Decoder(dict[str, object])

_Kinds = set[type]


class Objects(NamedTuple):
    """Some objects of a file as a table, and what was refused among them."""

    rows: pl.DataFrame
    """A column for each key of the file, and ``#``, the number of the line."""
    rejected: list[tuple[str, str]]
    """Places (``file:line``) and reasons."""


class _Key:
    """Which types the values of a key have."""

    def __init__(self) -> None:
        self.own: _Kinds = set()
        self.elements: _Kinds = set()

    def look(self, value: object) -> None:
        if value is None:
            return
        self.own.add(_kind_of(value))
        if isinstance(value, list):
            self.elements.update(map(_kind_of, value))

    @property
    def dtype(self) -> pl.DataType | None:
        """The type of the key's column; None where values differ, so that they become text."""
        if self.own == {list}:
            element = _dtype_of(self.elements) if self.elements else pl.String()
            return None if element is None else pl.List(element)
        return _dtype_of(self.own)


def read_objects(path: Path, on_progress: Progress, *, at_once: int) -> Iterator[Objects]:
    """The objects of a file, about ``at_once`` lines at a time.

    Raises SourceError when the file cannot be read.
    """
    pieces = _read(path, on_progress, at_once)
    first = next(pieces, None)
    if first is None:
        return
    keys: dict[str, _Key] = defaultdict(_Key)
    _look_at(first.objects, keys)
    second = next(pieces, None)
    if second is not None:
        for piece in _read(path, tell_nobody, at_once):
            _look_at(piece.objects, keys)
        dtypes = {name: key.dtype for name, key in keys.items()}
        yield _table_of(first, dtypes)
        yield _table_of(second, dtypes)
        yield from (_table_of(piece, dtypes) for piece in pieces)
    else:
        yield _table_of(first, {name: key.dtype for name, key in keys.items()})


class _Piece(NamedTuple):
    objects: list[dict[str, object]]
    numbers: list[int]
    rejected: list[tuple[str, str]]


def _read(path: Path, on_progress: Progress, at_once: int) -> Iterator[_Piece]:
    piece = _Piece([], [], [])
    for lines in read_lines(path, on_progress):
        for number, text in enumerate(lines.texts, lines.first):
            if not text.strip():
                continue
            try:
                piece.objects.append(_decoder.decode(text))
                piece.numbers.append(number)
            except UNDECODABLE as error:
                piece.rejected.append((f"{path}:{number}", explain(error, text)))
        if lines.broken is not None:
            piece.rejected.append((f"{path}:{lines.first}", lines.broken))
        if len(piece.objects) + len(piece.rejected) >= at_once:
            yield piece
            piece = _Piece([], [], [])
    if piece.objects or piece.rejected:
        yield piece


def _look_at(objects: list[dict[str, object]], keys: dict[str, _Key]) -> None:
    for one in objects:
        for name, value in one.items():
            if name != "#":
                keys[name].look(value)


def _table_of(piece: _Piece, dtypes: dict[str, pl.DataType | None]) -> Objects:
    columns = [
        _column(name, [one.get(name) for one in piece.objects], dtype)
        for name, dtype in dtypes.items()
    ]
    return Objects(
        pl.DataFrame([pl.Series("#", piece.numbers, pl.Int64), *columns]), piece.rejected
    )


def _column(name: str, values: list[object], dtype: pl.DataType | None) -> pl.Series:
    if dtype is not None:
        return pl.Series(name, values, dtype, strict=False)
    texts = [
        value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
        for value in values
    ]
    return pl.Series(name, texts, pl.String)


class _Huge:
    """Stands for the type of a whole number that 64 bits do not hold."""


def _kind_of(value: object) -> type:
    if type(value) is int and not -(2**63) <= value < 2**63:
        return _Huge
    return type(value)


def _dtype_of(kinds: _Kinds) -> pl.DataType | None:
    """The type that all values have; None where they differ, are nested or too big."""
    if kinds and kinds <= {int, float, _Huge} and float in kinds:
        return pl.Float64()
    known: dict[type, pl.DataType] = {
        str: pl.String(),
        bool: pl.Boolean(),
        int: pl.Int64(),
        float: pl.Float64(),
    }
    return known.get(next(iter(kinds))) if len(kinds) == 1 else None
