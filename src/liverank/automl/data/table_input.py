"""Makes a table of what people hold: data frames, Arrow tables, dicts, records, paths of files.

pandas and pyarrow are not needed: their tables are recognised by what they can do.
Invariant: each column has the values that it was given; mixed ones become text, never null.
"""

import numbers
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from liverank.automl.data.read_table import read_table
from liverank.errors import TrainingError
from liverank.models.encoder.columns import level_of, plain_value
from liverank.models.encoder.rows import TAKEN, is_one_value, values_of

TableInput: TypeAlias = Any
"""A polars DataFrame or LazyFrame, a pandas DataFrame, an Arrow table or whatever has
``__arrow_c_stream__`` or ``__dataframe__``, a dict of lists, a list of dicts, a structured NumPy
array, or the path of a file."""


def frame_of(table: TableInput) -> pl.DataFrame:
    """The table as polars has it.

    Raises SourceError for a file that cannot be read, and TrainingError for other objects.

    >>> frame_of([{"age": 7, "city": "Ulm"}, {"age": 8}]).rows()
    [(7, 'Ulm'), (8, None)]
    >>> frame_of({"age": [7, 8]}).rows()
    [(7,), (8,)]
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, str | Path):
        return read_table(Path(table))
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        names = [str(name) for name in table.columns]
        return _frame(names, [_pandas_column(table.iloc[:, n]) for n in range(len(names))])
    if isinstance(table, Mapping):
        columns = [[each] if is_one_value(each) else each for each in table.values()]
        return _frame([str(name) for name in table], columns)
    if isinstance(table, np.ndarray) and table.dtype.names:
        return _frame(table.dtype.names, [table[name] for name in table.dtype.names])
    if isinstance(table, Sequence) and not isinstance(table, bytes):
        return _of_records(table)
    try:
        if hasattr(table, "__arrow_c_stream__"):
            return pl.DataFrame(table)
        if hasattr(table, "__dataframe__"):
            return pl.from_dataframe(table)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise TrainingError(f"a table of type {type(table).__name__}: {error}") from None
    raise TrainingError(f"a table of type {type(table).__name__} cannot be read; give {TAKEN}")


def _of_records(rows: Sequence[object]) -> pl.DataFrame:
    names: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise TrainingError(
                f"row {number} is {type(row).__name__}, not a dict by column; give {TAKEN}"
            )
        names.update(dict.fromkeys(row))
    records: Sequence[Any] = rows
    return _frame(list(names), [[record.get(name) for record in records] for name in names])


def _frame(names: Iterable[str], columns: Iterable[object]) -> pl.DataFrame:
    made = [_series(name, column) for name, column in zip(names, columns, strict=True)]
    twice = [name for name, count in Counter(each.name for each in made).items() if count > 1]
    if twice:
        raise TrainingError(
            f"the table names column `{twice[0]}` more than once; give each column its own name"
        )
    lengths = {each.name: len(each) for each in made}
    if len(set(lengths.values())) > 1:
        (first, n), *others = lengths.items()
        other, m = next((name, length) for name, length in others if length != n)
        raise TrainingError(
            f"column `{first}` has {n} values and `{other}` has {m}; give each column one value "
            "for each row, None where unknown"
        )
    return pl.DataFrame(made)


def _series(name: str, column: Any) -> pl.Series:
    if isinstance(column, pl.Series):
        return column.alias(name)
    if isinstance(column, np.ndarray) and column.dtype.kind in "biufM":
        return pl.Series(name, column)
    values = [plain_value(value) for value in values_of(column)]
    try:
        return pl.Series(name, values)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        pass  # values of several types
    known = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in known):
        return pl.Series(name, [None if value is None else str(value) for value in values])
    if all(isinstance(value, numbers.Real) for value in known) and not _has_large(known):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [level_of(value) for value in values], dtype=pl.String)


def _has_large(known: Sequence[Any]) -> bool:
    """Whether there are whole numbers that float64 may round."""
    return any(isinstance(value, int) and abs(value) >= 1 << 53 for value in known)


def _pandas_column(column: Any) -> object:
    """A column of pandas as an array where its type is NumPy's, else its values."""
    dtype = column.dtype
    if getattr(dtype, "tz", None) is not None:
        return column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufM":
        return column
    array = column.to_numpy()
    # pandas has no other way to write an unknown number
    return pl.Series(array).fill_nan(None) if dtype.kind == "f" else array
