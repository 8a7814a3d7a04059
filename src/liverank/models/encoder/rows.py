"""Takes rows as people hold them: data frames, Arrow tables, dicts of lists, lists of dicts.

Nothing but NumPy is needed: frames of other libraries are recognised by what they can do.
Invariant: rows that cannot be taken are an error that says what can be.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import ServingError
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.nested_values import part_of

TAKEN = (
    "a data frame of polars or pandas, an Arrow table, a dict of lists, a list of dicts, one dict, "
    "or the path of a file"
)
"""The forms of rows, for messages."""


def read_rows(rows: object, inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    """The columns that a model reads; others are ignored, and None is unknown.

    Raises ServingError for missing columns and for rows in no known form.

    >>> age = Input(name="age", type="number")
    >>> [read_rows(rows, [age])["age"].tolist() for rows in ({"age": [7, None]}, [{"age": 8}])]
    [[7.0, nan], [8.0]]
    >>> read_rows({"age": 9}, [age])["age"].tolist()
    [9.0]
    >>> read_rows({"v": [[0.5, 0.25]]}, [Input(name="v_1", type="number")])["v_1"].tolist()
    [0.25]
    """
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        column, names = _of_records(rows)
        if not rows:
            names = {form.name for form in inputs}
    elif isinstance(rows, Mapping):
        column, names = _of_mapping(rows, inputs)
    else:
        column, names = _of_frame(rows)
    absent = [form.name for form in inputs if form.name not in names]
    parts = _parts(absent, column, names) if absent else {}
    missing = [name for name in absent if name not in parts]
    if missing:
        raise ServingError(
            f"the rows lack {', '.join(f'`{name}`' for name in missing[:5])} of the "
            f"{len(inputs)} columns that the model reads; add them, None where unknown"
        )
    return {
        form.name: read_values(form, parts[form.name] if form.name in parts else column(form.name))
        for form in inputs
    }


def _parts(
    absent: list[str], column: Callable[[str], Sequence[object]], names: set[str]
) -> dict[str, Sequence[object]]:
    """Those of the absent columns that are parts of nested ones: ``a.b`` of a, ``v_0`` of v."""
    nested = {
        name: column(name)
        for name in names
        if any(each.startswith((f"{name}.", f"{name}_")) for each in absent)
    }
    found = {name: part_of(nested, name) for name in absent}
    return {name: values for name, values in found.items() if values is not None}


def values_of(column: object) -> list[Any]:
    """The values of one column of any library as values of Python.

    >>> values_of(np.array(["2026-01-02"], "datetime64[ns]"))
    [datetime.datetime(2026, 1, 2, 0, 0)]
    """
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "M":
            column = column.astype("datetime64[us]")
        return list(column.tolist())
    for name in ("to_pylist", "to_list"):
        listed = getattr(column, name, None)
        if listed is not None:
            return list(listed())
    if not isinstance(column, Iterable):
        raise ServingError(f"a column is {type(column).__name__}; expected a list of values")
    return list(column)


def is_one_value(value: object) -> bool:
    """Whether a value is one, not several in a list, an array or a series.

    >>> is_one_value("Ulm"), is_one_value(None), is_one_value([7])
    (True, True, False)
    """
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return isinstance(value, str | bytes) or not isinstance(value, Iterable)


def _of_mapping(
    rows: Mapping[Any, Any], inputs: Sequence[Input]
) -> tuple[Callable[[str], Sequence[object]], set[str]]:
    """The columns of a dict: of lists of values, or of the values of one row."""
    given = [form for form in inputs if form.name in rows and form.type != "list"]
    single = [form.name for form in given if is_one_value(rows[form.name])]
    if single and len(single) < len(given):
        other = next(form.name for form in given if form.name not in single)
        raise ServingError(
            f"`{single[0]}` is one value and `{other}` is several; give a list for each column, or "
            "one value for each"
        )
    if single:
        return lambda name: [rows[name]], set(rows)
    return lambda name: values_of(rows[name]), set(rows)


def _of_records(rows: Sequence[object]) -> tuple[Callable[[str], Sequence[object]], set[str]]:
    records = []
    names: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise ServingError(
                f"row {number} is {type(row).__name__}, not a dict by column; give {TAKEN}"
            )
        records.append(row)
        names.update(row)
    return lambda name: [record.get(name) for record in records], names


def _of_frame(rows: Any) -> tuple[Callable[[str], Sequence[object]], set[str]]:
    if hasattr(rows, "collect_schema") and hasattr(rows, "collect"):
        rows = rows.collect()
    if isinstance(rows, np.ndarray) and rows.dtype.names:
        names = rows.dtype.names
    else:
        names = getattr(rows, "column_names", None)
        names = getattr(rows, "columns", None) if names is None else names
    if names is None or not hasattr(rows, "__getitem__"):
        raise ServingError(f"rows of type {type(rows).__name__} cannot be read; give {TAKEN}")
    by_name = {str(name): name for name in names}
    return lambda name: values_of(rows[by_name[name]]), set(by_name)
