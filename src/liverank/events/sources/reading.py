"""Read events from files of any known format.

Invariant: what comes out are frames of ``frame.SCHEMA`` that keep every rule of the wire form, and
one reason for each row that does not.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.config import Source
from liverank.errors import SourceError
from liverank.events.frame import empty_frame, in_import_order
from liverank.events.sources import canonical, lines, tables
from liverank.events.sources.content_ids import with_content_ids
from liverank.events.sources.files import EventFile, Progress, find_files, format_of, tell_nobody
from liverank.events.sources.mapping import Mapped, Mapping, captures_of, map_rows, parse_source

REJECTED = {"where": pl.String(), "reason": pl.String()}
"""Columns of rejected rows: ``file:line`` or ``file:row n``, and why."""


class FileEvents(NamedTuple):
    """What one file held."""

    path: Path
    frame: pl.DataFrame
    """Its events in the file's order, each with an id."""
    rejected: pl.DataFrame
    """Its rejected rows, with the columns of REJECTED."""


def read_events(
    paths: Sequence[Path],
    sources: Sequence[Source] = (),
    *,
    on_progress: Progress = tell_nobody,
) -> Iterator[FileEvents]:
    """Read the events of files and folders, file by file.

    A file whose path matches a source is mapped by it (the first that matches); any other must
    hold canonical events. A bad row is rejected and loses nothing but itself. Events without an
    id get one from their content (see ``content_ids``). The ``cut`` and the ``generation`` of a
    ranking are those of the log that it was served from: they say nothing in another, and are left
    out.

    Raises ConfigError when a source is not well formed, SourceError when a file cannot be read
    or mapped at all.

    >>> [part.frame.height for part in read_events([])]
    []
    """
    mappings = [
        parse_source(source, where=f"sources[{place}]") for place, source in enumerate(sources)
    ]
    for file in find_files(paths):
        frame, rejected = _read_file(file, mappings, on_progress)
        frame = with_content_ids(frame).with_columns(
            cut=pl.lit(None, pl.Int64), generation=pl.lit(None, pl.Int64)
        )
        yield FileEvents(file.path, frame, rejected)


def read_all(
    paths: Sequence[Path],
    sources: Sequence[Source] = (),
    *,
    on_progress: Progress = tell_nobody,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All events of files and folders in the order of an import, and all rejected rows.

    Raises as ``read_events`` does.

    >>> read_all([])[0].height
    0
    """
    parts = list(read_events(paths, sources, on_progress=on_progress))
    frame = pl.concat([empty_frame(), *(part.frame for part in parts)])
    rejected = pl.concat([pl.DataFrame(schema=REJECTED), *(part.rejected for part in parts)])
    return in_import_order(frame), rejected


def _read_file(
    file: EventFile, mappings: Sequence[Mapping], on_progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    path = file.path
    for mapping in mappings:
        captures = captures_of(mapping, path.resolve())
        if captures is not None:
            return _read_mapped(path, mapping, captures, on_progress)
    file_format = format_of(path)
    if file_format in ("json", "jsonl"):
        read = lines.read_json if file_format == "json" else lines.read_json_lines
        parts = list(read(path, on_progress))
        rejected = [reason for part in parts for reason in part.rejected]
        frame = pl.concat([empty_frame(), *(part.frame for part in parts)])
        return frame, pl.DataFrame(rejected, schema=REJECTED, orient="row")
    if file_format == "parquet":
        return _placed(path, canonical.check_table(tables.read_parquet(path, on_progress), path))
    if not file.is_named and mappings:
        on_progress(path.stat().st_size)
        reason = "matches the `files` of no [[sources]]; the whole file was left out"
        return empty_frame(), pl.DataFrame([(str(path), reason)], schema=REJECTED, orient="row")
    if file_format is not None:
        table = tables.read_delimited(path, file_format, None, on_progress)
        raise SourceError(canonical.explain_mapping(path, table.rows.drop("#").columns))
    raise SourceError(
        f"{path}: its format is unknown; name it .jsonl, .csv, .tsv or .parquet (and .gz or .zst), "
        "or map it by a [[sources]] with `format`"
    )


def _read_mapped(
    path: Path, mapping: Mapping, captures: dict[str, str], on_progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    source = mapping.source
    file_format = source.format or format_of(path)
    unreadable = pl.DataFrame(schema=REJECTED)
    if file_format == "parquet":
        table = tables.read_parquet(path, on_progress)
    elif file_format in ("csv", "tsv"):
        table = tables.read_delimited(path, file_format, source.columns, on_progress)
    elif file_format in ("json", "jsonl"):
        rows, refused = lines.read_objects(path, on_progress)
        table = tables.Table(rows, pl.DataFrame(schema={"#": pl.Int64, "reason": pl.String}))
        unreadable = pl.DataFrame(refused, schema=REJECTED, orient="row")
    else:
        raise SourceError(f"{path}: its format is unknown; give the source a `format`")
    if table.rows.is_empty():
        mapped = Mapped(empty_frame(), table.rejected)
    else:
        rows = table.rows.with_columns(pl.lit(text).alias(name) for name, text in captures.items())
        try:
            mapped = map_rows(mapping, rows)
        except SourceError as error:
            raise SourceError(f"{path}: {error}") from None
    both = pl.concat([table.rejected, mapped.rejected]).sort("#")
    frame, rejected = _placed(path, Mapped(mapped.frame, both))
    return frame, pl.concat([unreadable, rejected])


def _placed(path: Path, mapped: Mapped) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Row numbers as places that a person can look up."""
    where = pl.concat_str(pl.lit(f"{path}:row "), pl.col("#").cast(pl.String)).alias("where")
    return mapped.frame, mapped.rejected.select(where, "reason")
