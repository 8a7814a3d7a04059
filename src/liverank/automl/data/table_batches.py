"""Reading a table of any size piece by piece, for a model that is made already.

Values are not typed here: the model knows what each column is, and reads it so.
Invariant: the pieces, one after another, are the rows of ``read_table`` in the same order.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from liverank.automl.data.read_table import open_table
from liverank.errors import SourceError

BATCH_ROWS = 50_000


def read_batches(path: Path, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """Pieces of a table, of up to about ``rows`` rows; delimited values are text.

    Raises SourceError as ``read_table`` does.
    """
    scan, finish = open_table(path)
    pieces = scan.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming")
    try:
        for batch in pieces:
            piece = finish(batch)
            if piece.height:
                yield piece
    except pl.exceptions.PolarsError as error:
        why = str(error).split("\n", 1)[0]
        raise SourceError(
            f"{path}: cannot be read as a table: {why}; save it as CSV in UTF-8, or as Parquet"
        ) from None
