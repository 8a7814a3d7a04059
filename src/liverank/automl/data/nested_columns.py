"""Takes nested columns of a table apart: fields of structs, and vectors as so many numbers.

``address.city`` is a field of the struct ``address``; ``embedding_3`` is the fourth number of the
vector ``embedding``. Invariant: a column that is there by its full name is never replaced.
"""

import re
from collections.abc import Iterable

import polars as pl

MOST_NUMBERS = 1024
"""Longest vector that is taken apart."""
_NUMBERED = re.compile(r"(.+)_(0|[1-9]\d*)", re.DOTALL)


def taken_apart(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its structs and vectors as columns of their parts.

    A vector is a list of floating-point numbers, or an array of numbers, of one length in all rows.

    >>> table = pl.DataFrame({"at": [{"x": 1, "y": 2}], "v": [[0.5, 0.25]]})
    >>> taken_apart(table).rows(named=True)
    [{'at.x': 1, 'at.y': 2, 'v_0': 0.5, 'v_1': 0.25}]
    """
    taken: list[pl.Series] = []
    for column in table:
        parts = _parts(column)
        names = {part.name for part in parts}
        taken += [column] if names & set(table.columns) or not parts else parts
    unique = {column.name for column in taken}
    is_nested = any(column.dtype.is_nested() for column in table)
    return pl.DataFrame(taken) if is_nested and len(unique) == len(taken) else table


def with_parts(table: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The table, with those of the named columns that are parts of its nested ones.

    >>> with_parts(pl.DataFrame({"v": [[0.5, 0.25], None]}), ["v_1"])["v_1"].to_list()
    [0.25, None]
    """
    present = set(table.columns)
    if not any(dtype.is_nested() for dtype in table.dtypes):
        return table
    found = (_find(table, name) for name in names if name not in present)
    return table.with_columns(part for part in found if part is not None)


def _parts(column: pl.Series) -> list[pl.Series]:
    """The parts of a nested column; none where it is not taken apart."""
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        parts: list[pl.Series] = []
        for field in dtype.fields:
            part = _field(column, field.name)
            parts += _parts(part) or [part]
        return parts
    n = _vector_length(column)
    return [_element(column, index) for index in range(n)]


def _find(table: pl.DataFrame, name: str) -> pl.Series | None:
    """The part of a nested column that has this name."""
    parents = [column for column in table if isinstance(column.dtype, pl.Struct)]
    while parents:
        column = parents.pop()
        if name.startswith(f"{column.name}."):
            parts = [_field(column, field) for field in column.struct.fields]
            exact = [part for part in parts if part.name == name]
            if exact:
                return exact[0]
            parents += [part for part in parts if isinstance(part.dtype, pl.Struct)]
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return None
    vector = table[match[1]] if match[1] in table.columns else _find(table, match[1])
    if vector is None or not isinstance(vector.dtype, pl.List | pl.Array):
        return None
    return _element(vector, int(match[2]))


def _field(column: pl.Series, field: str) -> pl.Series:
    return column.struct.field(field).alias(f"{column.name}.{field}")


def _vector_length(column: pl.Series) -> int:
    """The number of elements of each vector; 0 for a column that is no vector."""
    dtype = column.dtype
    if isinstance(dtype, pl.Array):
        is_vector = pl.Series(dtype=dtype.inner).dtype.is_numeric()
        length = dtype.size if len(dtype.shape) == 1 and is_vector else 0
    elif isinstance(dtype, pl.List) and pl.Series(dtype=dtype.inner).dtype.is_float():
        lengths = column.drop_nulls().list.len().unique()
        length = int(lengths[0]) if len(lengths) == 1 else 0
    else:
        length = 0
    return length if length <= MOST_NUMBERS else 0


def _element(column: pl.Series, index: int) -> pl.Series:
    name = f"{column.name}_{index}"
    if isinstance(column.dtype, pl.Array):
        return column.arr.get(index, null_on_oob=True).alias(name)
    return column.list.get(index, null_on_oob=True).alias(name)
