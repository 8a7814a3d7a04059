"""Read events from files of any known format, a piece at a time.

Invariant: the result is frames of ``frame.SCHEMA`` that obey every rule of the wire form, and one
reason for each row that does not; however big a file is, only one piece of it is in memory.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.config_sources import Source
from liverank.errors import SourceError
from liverank.events.content_ids import OF_FILE, Numbering, with_content_ids, with_numbers
from liverank.events.frame import empty_frame, in_import_order
from liverank.events.schema.declared import ANYTHING, Declared
from liverank.events.sources import canonical_columns, json_lines
from liverank.events.sources.files import EventFile, find_files, format_of
from liverank.events.sources.mapping.field_columns import json_column
from liverank.events.sources.mapping.mapping import (
    Mapped,
    Mapping,
    captures_of,
    map_rows,
    parse_source,
)
from liverank.events.sources.mapping.object_rules import object_rules
from liverank.events.sources.objects import read_objects
from liverank.tables.compressed import Progress, no_progress
from liverank.tables.delimited import read_pieces
from liverank.tables.dialect import HEAD_BYTES, DelimitedFormat, declared_dialect
from liverank.tables.encodings import text_head
from liverank.tables.parquet import read_parquet
from liverank.tables.pieces import TablePiece, none_rejected

REJECTED = {"where": pl.String(), "reason": pl.String()}
"""Columns of rejected rows: ``file:line`` or ``file:row n``, and why."""

PIECE_ROWS = 131_072
"""Approximate number of events in a piece."""

_PIECE_BYTES = 128 << 20
_ROW = "row "
_MAPPED_ROWS = 32_768
"""Number of rows mapped at once: each may give many events."""


class FileEvents(NamedTuple):
    """The content of one piece of a file."""

    path: Path
    frame: pl.DataFrame
    """Its events in the file's order, each with an id."""
    rejected: pl.DataFrame
    """Its rejected rows, with the columns of REJECTED."""
    contents: pl.Series
    """String[n]: the content ids of events without an id in the file, null for others. Equal
    ones of this piece are numbered in ``frame``; only an import numbers those of all pieces of a
    file."""
    file: int
    """Number of the file among all files read, from 0."""

    def unnumbered(self) -> pl.DataFrame:
        """The events as ``Log.import_frames`` takes them, to number their content ids."""
        is_bare = self.contents.is_not_null()
        return self.frame.with_columns(
            self.frame["id"].zip_with(~is_bare, self.contents),
            pl.select(
                pl.when(is_bare).then(pl.lit(self.file, pl.Int32)).alias(OF_FILE)
            ).to_series(),
        )


class _Part(NamedTuple):
    """Events and rejected rows (columns of REJECTED), some at a time."""

    frame: pl.DataFrame
    rejected: pl.DataFrame


def read_events(
    paths: Sequence[Path],
    sources: Sequence[Source] = (),
    *,
    declared: Declared = ANYTHING,
    on_progress: Progress = no_progress,
) -> Iterator[FileEvents]:
    """Read the events of files and folders, piece by piece; each file gives at least one.

    A file whose path matches a source is mapped by it (the first that matches); any other must
    hold canonical events. A bad row, or one that is not as ``declared``, is rejected alone. Events
    without an id get one from their content (see ``content_ids``). The ``cut`` and the
    ``generation`` of a ranking refer to the log that it was served from, so they are left out.

    Raises ConfigError when a source is not well formed, SourceError when there is no such file;
    while it reads, SourceError when a file cannot be read or mapped at all.

    >>> [part.frame.height for part in read_events([])]
    []
    """
    mappings = [
        parse_source(source, where=f"sources[{index}]") for index, source in enumerate(sources)
    ]
    return _read_files(find_files(paths), _Door(mappings, declared), on_progress)


def read_all(
    paths: Sequence[Path],
    sources: Sequence[Source] = (),
    *,
    declared: Declared = ANYTHING,
    on_progress: Progress = no_progress,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All events of files and folders in the order of an import, and all rejected rows.

    All are in memory at once, so this is for files that are known to be small. Raises as
    ``read_events`` does.

    >>> read_all([])[0].height
    0
    """
    parts = list(read_events(paths, sources, declared=declared, on_progress=on_progress))
    events = [empty_frame().with_columns(pl.lit(None, pl.Int32).alias(OF_FILE))]
    frame = in_import_order(pl.concat([*events, *(part.unnumbered() for part in parts)]))
    rejected = pl.concat([pl.DataFrame(schema=REJECTED), *(part.rejected for part in parts)])
    return Numbering().number(frame), rejected


class _Door(NamedTuple):
    """The rules by which events of files are read and accepted."""

    mappings: Sequence[Mapping]
    declared: Declared


def _read_files(
    files: Sequence[EventFile], door: _Door, on_progress: Progress
) -> Iterator[FileEvents]:
    for number, file in enumerate(files):
        for frame, rejected in _gathered(_read_file(file, door, on_progress)):
            bare = frame["id"].is_null()
            frame = with_content_ids(frame).with_columns(
                cut=pl.lit(None, pl.Int64), generation=pl.lit(None, pl.Int64)
            )
            contents = frame["id"].set(~bare, None)
            frame = frame.with_columns(with_numbers(frame["id"], bare))
            yield FileEvents(file.path, frame, rejected, contents, number)


def _gathered(parts: Iterator[_Part]) -> Iterator[_Part]:
    """Small parts combined into pieces of about PIECE_ROWS rows; at least one."""
    held: list[_Part] = []
    rows = size = 0
    is_empty = True
    for part in parts:
        held.append(part)
        rows += part.frame.height + part.rejected.height
        size += int(part.frame.estimated_size() + part.rejected.estimated_size())
        if rows >= PIECE_ROWS or size >= _PIECE_BYTES:
            yield _together(held)
            held, rows, size, is_empty = [], 0, 0, False
    if rows or is_empty:
        yield _together(held)


def _together(parts: list[_Part]) -> _Part:
    return _Part(
        pl.concat([empty_frame(), *(part.frame for part in parts)]),
        pl.concat([pl.DataFrame(schema=REJECTED), *(part.rejected for part in parts)]),
    )


def _read_file(file: EventFile, door: _Door, on_progress: Progress) -> Iterator[_Part]:
    path, declared = file.path, door.declared
    for mapping in door.mappings:
        captures = captures_of(mapping, path.resolve())
        if captures is not None:
            yield from _read_mapped(path, _FileMapping(mapping, captures, declared), on_progress)
            return
    file_format = format_of(path)
    if file_format in ("json", "jsonl"):
        read = json_lines.read_json if file_format == "json" else json_lines.read_json_lines
        for stretch in read(path, on_progress, declared):
            yield _Part(stretch.frame, _rejected(stretch.rejected))
    elif file_format == "parquet":
        for table in read_parquet(path, on_progress, at_once=PIECE_ROWS):
            yield _placed(path, canonical_columns.check_table(table, path, declared))
    elif not file.is_named and door.mappings:
        on_progress(path.stat().st_size)
        reason = "matches the `files` of no [[sources]]; the whole file was left out"
        yield _Part(empty_frame(), _rejected([(str(path), reason)]))
    elif file_format in ("csv", "tsv"):
        dialect = declared_dialect(path, text_head(path, HEAD_BYTES), file_format, None)
        names = [] if dialect is None else list(dialect.names)
        raise SourceError(canonical_columns.explain_mapping(path, names))
    else:
        raise SourceError(
            f"{path}: its format is unknown; name it .jsonl, .csv, .tsv or .parquet (and .gz or "
            ".zst), or map it by a [[sources]] with `format`"
        )


class _FileMapping(NamedTuple):
    """How the rows of one file become events."""

    mapping: Mapping
    captures: dict[str, str]
    """Values of columns taken from the path."""
    declared: Declared


def _read_mapped(path: Path, how: _FileMapping, on_progress: Progress) -> Iterator[_Part]:
    source = how.mapping.source
    file_format = source.format or format_of(path)
    if file_format == "parquet":
        for table in read_parquet(path, on_progress, at_once=_MAPPED_ROWS):
            yield _map(path, how, table)
    elif file_format in ("csv", "tsv"):
        for table in _read_delimited(path, file_format, source.columns, on_progress):
            yield _map(path, how, table)
    elif file_format in ("json", "jsonl"):
        problem = object_rules(how.mapping.events, how.captures, how.declared)
        for table in read_objects(path, on_progress, problem, at_once=_MAPPED_ROWS):
            yield _map(path, how, table, mark="")
    else:
        raise SourceError(f"{path}: its format is unknown; give the source a `format`")


def _read_delimited(
    path: Path,
    file_format: DelimitedFormat,
    columns: Sequence[str] | None,
    on_progress: Progress,
) -> Iterator[TablePiece]:
    """A CSV or TSV file in pieces, at least one; ``columns`` are for a file without a header."""
    dialect = declared_dialect(path, text_head(path, HEAD_BYTES), file_format, columns)
    if dialect is None:
        yield TablePiece(pl.DataFrame(schema={"#": pl.Int64}), none_rejected())
    else:
        yield from read_pieces(path, dialect, on_progress, at_once=_MAPPED_ROWS)


def _map(path: Path, how: _FileMapping, table: TablePiece, *, mark: str = _ROW) -> _Part:
    if table.rows.is_empty():
        mapped = Mapped(empty_frame(), none_rejected())
    else:
        named = how.captures
        rows = table.rows.drop(map(json_column, named), strict=False)
        rows = rows.with_columns(pl.lit(text).alias(name) for name, text in named.items())
        try:
            mapped = map_rows(how.mapping, rows, how.declared)
        except SourceError as error:
            raise SourceError(f"{path}: {error}") from None
    both = pl.concat([table.rejected, mapped.rejected]).sort("#")
    return _placed(path, Mapped(mapped.frame, both), mark=mark)


def _placed(path: Path, mapped: Mapped, *, mark: str = _ROW) -> _Part:
    """Turn row numbers (line numbers without the mark) into locations for messages."""
    where = pl.concat_str(pl.lit(f"{path}:{mark}"), pl.col("#").cast(pl.String)).alias("where")
    return _Part(mapped.frame, mapped.rejected.select(where, "reason"))


def _rejected(reasons: Sequence[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(reasons, schema=REJECTED, orient="row")
