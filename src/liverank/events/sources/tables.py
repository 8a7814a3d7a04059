"""Tables in files: CSV and TSV as text, Parquet with its own types.

CSV is read as text throughout, so that a column whose thousandth value is odd loses that row and
not the file; the templates say what is a number. TSV knows no quotes.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.errors import SourceError
from liverank.events.sources.files import Format, Progress, read_blocks

_EXTRA = "\x00extra"


class Table(NamedTuple):
    """The rows of a file, numbered from 1 in the column ``#``."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    """``#`` and ``reason`` of the rows that are no rows of this table."""


def read_delimited(
    path: Path, file_format: Format, columns: tuple[str, ...] | None, on_progress: Progress
) -> Table:
    """Read a CSV or TSV file; ``columns`` names those of a file without a header.

    Empty values are null and empty rows are passed over; a row with too many values is rejected.
    Raises SourceError when the file cannot be read.
    """
    body = b"".join(read_blocks(path, on_progress)).removeprefix(b"\xef\xbb\xbf")
    names = list(columns) if columns else _header(path, body, file_format)
    if not names or not body.strip():
        return Table(pl.DataFrame(schema={"#": pl.Int64}), _none_rejected())
    try:
        rows = pl.read_csv(
            body,
            has_header=False,
            skip_lines=0 if columns else 1,
            schema=dict.fromkeys([*names, _EXTRA], pl.String),
            missing_columns="insert",
            truncate_ragged_lines=True,
            separator="\t" if file_format == "tsv" else ",",
            quote_char=None if file_format == "tsv" else '"',
            encoding="utf8-lossy",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{path}: is not readable as {file_format}: {_line(error)}") from None
    rows = rows.with_columns(pl.int_range(1, pl.len() + 1).alias("#"))
    rows = rows.filter(~pl.all_horizontal(pl.col(*names).is_null()))
    is_long = pl.col(_EXTRA).is_not_null()
    reason = pl.lit(f"has more than the {len(names)} columns of the file").alias("reason")
    return Table(rows.filter(~is_long).drop(_EXTRA), rows.filter(is_long).select("#", reason))


def read_parquet(path: Path, on_progress: Progress) -> Table:
    """Read a Parquet file. Raises SourceError when it cannot be read."""
    try:
        rows = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"{path}: is not readable as Parquet: {_line(error)}") from None
    on_progress(path.stat().st_size)
    return Table(rows.with_columns(pl.int_range(1, pl.len() + 1).alias("#")), _none_rejected())


def _header(path: Path, body: bytes, file_format: Format) -> list[str]:
    """Names of the first line; an empty one gets none (it stays ""), a second ``a`` is ``a_2``."""
    line = body.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    if not line:
        return []
    try:
        named = line.split("\t") if file_format == "tsv" else next(csv.reader([line]))
    except csv.Error as error:
        raise SourceError(f"{path}: its first line names no columns: {error}") from None
    names: list[str] = []
    for name in named:
        times = sum(name == other for other in named[: len(names)])
        names.append(f"{name}_{times + 1}" if times else name)
    return names


def _none_rejected() -> pl.DataFrame:
    return pl.DataFrame(schema={"#": pl.Int64, "reason": pl.String})


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
