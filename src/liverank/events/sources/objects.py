"""Reads files with one JSON object per line, of any keys, as tables that ``[[sources]]`` map.

A key has one type throughout a file: that of its values where they agree, else text. Where some
values are lists, a second column keeps these as lists, for fields, which may have several types. So
a file of more than one piece is read twice, first for the types. Refused objects do not affect the
types. Invariant: however a file is cut into pieces, its rows are the same.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from liverank.events.decode_errors import UNDECODABLE, explain
from liverank.events.sources.json_lines import read_lines
from liverank.events.sources.mapping.field_columns import json_column
from liverank.tables.compressed import Progress, no_progress
from liverank.tables.pieces import TablePiece, none_rejected
from liverank.values.words import level_of

_decoder = msgspec.json.Decoder(dict[str, object])

_Kinds = set[type]


class _Key:
    """Collects the types of a key's values."""

    def __init__(self) -> None:
        self.own: _Kinds = set()
        self.elements: _Kinds = set()

    def look(self, value: object) -> None:
        if value is None:
            return
        self.own.add(_kind_of(value))
        if isinstance(value, list):
            self.elements.update(_kind_of(one) for one in value if one is not None)

    @property
    def dtype(self) -> pl.DataType | None:
        """The type of the key's column; None where types differ, so that values become text.

        Elements of lists become text one by one.
        """
        if self.own == {list}:
            element = _dtype_of(self.elements) if self.elements else pl.String()
            if element is None and self.elements <= _SCALARS:
                element = pl.String()
            return None if element is None else pl.List(element)
        return _dtype_of(self.own)

    @property
    def is_mixed(self) -> bool:
        """Whether some values are lists while others, or elements of lists, have other types."""
        return list in self.own and (self.dtype is None or self.has_mixed_lists)

    @property
    def has_mixed_lists(self) -> bool:
        """Whether elements of its lists have several types."""
        are_scalars = bool(self.elements) and self.elements <= _SCALARS
        return self.own == {list} and are_scalars and _dtype_of(self.elements) is None


def read_objects(
    path: Path,
    on_progress: Progress,
    problem: Callable[[dict[str, object]], str | None],
    *,
    at_once: int,
) -> Iterator[TablePiece]:
    """The objects of a file, about ``at_once`` lines at a time, ``#`` being the number of the line.

    ``problem`` gives the reason why an object is refused, None where it is not. Raises SourceError
    when the file cannot be read.
    """
    pieces = _read(path, on_progress, problem, at_once)
    first = next(pieces, None)
    if first is None:
        return
    keys: dict[str, _Key] = {}
    _look_at(first, keys)
    second = next(pieces, None)
    if second is not None:
        for piece in _read(path, no_progress, problem, at_once):
            _look_at(piece, keys)
        yield _table_of(first, keys)
        yield _table_of(second, keys)
        yield from (_table_of(piece, keys) for piece in pieces)
    else:
        yield _table_of(first, keys)


class _Piece(NamedTuple):
    objects: list[dict[str, object]]
    numbers: list[int]
    rejected: list[tuple[int, str]]
    """Line numbers and reasons of refused objects."""
    names: dict[str, None]
    """All keys, in order of first occurrence."""


def _read(
    path: Path,
    on_progress: Progress,
    problem: Callable[[dict[str, object]], str | None],
    at_once: int,
) -> Iterator[_Piece]:
    piece = _Piece([], [], [], {})
    for lines in read_lines(path, on_progress):
        for number, text in enumerate(lines.texts, lines.first):
            if not text.strip():
                continue
            try:
                one = _decoder.decode(text)
            except UNDECODABLE as error:
                piece.rejected.append((number, explain(error, text)))
                continue
            piece.names.update(dict.fromkeys(one))
            why = problem(one)
            if why is None:
                piece.objects.append(one)
                piece.numbers.append(number)
            else:
                piece.rejected.append((number, why))
        if lines.broken is not None:
            piece.rejected.append((lines.first, lines.broken))
        if len(piece.objects) + len(piece.rejected) >= at_once:
            yield piece
            piece = _Piece([], [], [], {})
    if piece.objects or piece.rejected:
        yield piece


def _look_at(piece: _Piece, keys: dict[str, _Key]) -> None:
    """Record all keys, and the types of values in objects that were not refused."""
    for name in piece.names:
        if name != "#" and not name.startswith("\x00"):
            keys.setdefault(name, _Key())
    for one in piece.objects:
        for name, value in one.items():
            if name in keys:
                keys[name].look(value)


def _table_of(piece: _Piece, keys: dict[str, _Key]) -> TablePiece:
    columns: list[pl.Series] = []
    for name, key in keys.items():
        values = [one.get(name) for one in piece.objects]
        columns.append(_column(name, values, key))
        if key.is_mixed:
            columns.append(pl.Series(json_column(name), map(_json_of, values), pl.String))
    schema = none_rejected().schema
    return TablePiece(
        pl.DataFrame([pl.Series("#", piece.numbers, pl.Int64), *columns]),
        pl.DataFrame(piece.rejected, schema=schema, orient="row"),
    )


def _column(name: str, values: list[object], key: _Key) -> pl.Series:
    dtype = key.dtype
    if dtype is None:
        return pl.Series(name, map(_text_of, values), pl.String)
    if key.has_mixed_lists:
        values = [list(map(_text_of, one)) if isinstance(one, list) else one for one in values]
    return pl.Series(name, values, dtype, strict=False)


def _text_of(value: object) -> str | None:
    """A value of a column with several types, as text; whole numbers without a point."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return level_of(value)


def _json_of(value: object) -> str | None:
    """A value as JSON: a list that is valid as a field, without nulls, or else text."""
    if isinstance(value, list) and {str, int, float, type(None)}.issuperset(map(type, value)):
        known = [one for one in value if one is not None]
        return msgspec.json.encode(known).decode()
    text = _text_of(value)
    return None if text is None else msgspec.json.encode(text).decode()


class _Huge:
    """Marker type for whole numbers that do not fit into 64 bits."""


_SCALARS: _Kinds = {str, bool, int, float, _Huge}


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
