"""Reads Parquet files, a piece at a time, with their own types."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from liverank.errors import SourceError
from liverank.tables.compressed import Progress, no_progress
from liverank.tables.pieces import NUMBER, TablePiece, none_rejected, unreadable


def read_parquet(
    path: Path, on_progress: Progress = no_progress, *, at_once: int, number: str = NUMBER
) -> Iterator[TablePiece]:
    """Read a Parquet file, about ``at_once`` rows at a time, at least one piece.

    Raises SourceError when the file cannot be read.
    """
    reported, begin = 0, 1
    try:
        stored = pl.scan_parquet(path, glob=False)
        size, total = path.stat().st_size, stored.select(pl.len()).collect().item()
        for rows in stored.collect_batches(chunk_size=at_once, maintain_order=True):
            numbers = pl.int_range(begin, begin + pl.len()).alias(number)
            yield TablePiece(rows.with_columns(numbers), none_rejected())
            begin += rows.height
            done = size * (begin - 1) // max(total, 1)
            on_progress(done - reported)
            reported = done
        if begin == 1:
            empty = stored.head(0).with_columns(pl.lit(0).alias(number)).collect()
            yield TablePiece(empty, none_rejected())
            on_progress(size)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(unreadable(path, error)) from None
