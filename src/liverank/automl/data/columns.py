"""Columns of a table as the arrays that a model reads.

What a value means is said once, in ``liverank.models.encoder.columns``; here each distinct
value is read once, and columns that are numbers by type are taken as they are.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.models.encoder.columns import EPOCHS, MOST_MS, MOST_NUMBER, Input, read_values

_PLAIN = (
    r"^(?:1[7-9]|2[01])\d\d-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|"
    r"(?:0[13578]|1[02])-31)[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
    r"(?:[Zz]|[+-]00:?00)?$"
)
"""ISO 8601 to the second or below it, in UTC; days that February has in some years are left out."""

_PLAIN_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


def read_columns(table: pl.DataFrame, forms: Iterable[Input]) -> dict[str, NDArray[Any]]:
    """Arrays by name, of the columns that are asked for; others are passed over.

    Raises TrainingError when the table lacks one.

    >>> table = pl.DataFrame({"age": [41, None], "city": ["Ulm", None]})
    >>> read_columns(table, [Input(name="age", type="number")])["age"].tolist()
    [41.0, nan]
    """
    wanted = list(forms)
    absent = [form.name for form in wanted if form.name not in table.columns]
    if absent:
        raise TrainingError(
            f"the table lacks {len(absent)} of {len(wanted)} columns that the model reads: "
            f"{', '.join(f'`{name}`' for name in absent[:5])}; it has "
            f"{', '.join(f'`{name}`' for name in table.columns[:20])}: "
            "add them, with empty values where unknown"
        )
    return {form.name: read_column(table[form.name], form) for form in wanted}


def read_column(column: pl.Series, form: Input) -> NDArray[Any]:
    """One column as the array that its type wants.

    >>> read_column(pl.Series(["a", None, "a"]), Input(name="x", type="category")).tolist()
    ['a', None, 'a']
    """
    dtype = column.dtype
    if form.type in ("number", "boolean", "time") and (dtype.is_numeric() or dtype == pl.Boolean):
        values = np.array(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.float64)
        values[np.abs(values) > MOST_NUMBER] = np.nan
        return _of_numbers(values, form)
    if form.type == "time" and isinstance(dtype, pl.Datetime | pl.Date):
        moments = column.cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))
        exact = moments.dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.asarray(exact / 1000.0, np.float64)
    if dtype.is_nested() or dtype == pl.Object:
        return read_values(form, column.to_list())
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if form.type == "time" and form.time_form == "iso" and dtype == pl.String:
        return _of_iso(column, form)
    if form.type == "number" and dtype == pl.String:
        return _of_number_texts(column, form)
    return _by_distinct(column, form)


def distinct_codes(column: pl.Series) -> tuple[NDArray[np.int64], list[object]]:
    """For each row the place of its value among the distinct ones, and those, null among them."""
    values = column.alias("value").to_frame()
    distinct = values.unique(maintain_order=True).with_row_index("code")
    found = values.join(distinct, on="value", how="left", nulls_equal=True, maintain_order="left")
    return found["code"].to_numpy().astype(np.int64), distinct["value"].to_list()


def _by_distinct(column: pl.Series, form: Input) -> NDArray[Any]:
    codes, distinct = distinct_codes(column)
    return np.asarray(read_values(form, distinct)[codes])


def _of_number_texts(column: pl.Series, form: Input) -> NDArray[np.float64]:
    """Numbers as text, those in plain form all at once."""
    text = column.str.strip_chars()
    plain = text.set(~text.str.contains(_PLAIN_NUMBER).fill_null(value=False), None)
    numbers = plain.cast(pl.Float64, strict=False)
    values = np.array(numbers.fill_null(np.nan).to_numpy(), np.float64)
    values[np.abs(values) > MOST_NUMBER] = np.nan
    others = (numbers.is_null() & column.is_not_null()).to_numpy()
    if others.any():
        values[others] = _by_distinct(column.filter(pl.Series(others)), form)
    return values


def _of_iso(column: pl.Series, form: Input) -> NDArray[np.float64]:
    """Times as text: those in plain form all at once, since mostly each is another one."""
    text = column.str.strip_chars()
    is_plain = text.str.contains(_PLAIN).fill_null(value=False)
    if not is_plain.any():
        return _by_distinct(column, form)
    plain = text.filter(is_plain).str.replace(r"(?:[Zz]|[+-]00:?00)$", "")
    plain = plain.str.replace("[Tt]", " ").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    at_ms = np.full(len(column), np.nan)
    at_ms[is_plain.to_numpy()] = plain.dt.epoch("us").to_numpy() / 1000.0
    others = ~is_plain.to_numpy()
    if others.any():
        at_ms[others] = _by_distinct(column.filter(~is_plain), form)
    return at_ms


def _of_numbers(values: NDArray[np.float64], form: Input) -> NDArray[np.float64]:
    if form.type == "boolean":
        return np.where((values == 0) | (values == 1), np.abs(values), np.nan)
    if form.type == "time":
        scale = EPOCHS.get(form.time_form, np.nan)
        return np.where(np.abs(values) <= MOST_MS / scale, values, np.nan) * scale
    return values
