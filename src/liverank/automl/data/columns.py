"""Reads columns of a table into the arrays that an encoder takes.

The meaning of a value is defined in ``liverank.models.encoder.columns``. Here each distinct value
is parsed once, and numeric columns are taken as they are.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.nested_columns import with_parts
from liverank.automl.data.written_numbers import numbers_written
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, read_values, without_placeholders
from liverank.values.numbers import MOST_NUMBER, WIDEST
from liverank.values.times import EPOCHS, MOST_MS

_PLAIN = (
    r"^(?:1[7-9]|2[01])\d\d-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|"
    r"(?:0[13578]|1[02])-31)[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
    r"(?:[Zz]|[+-]00:?00)?$"
)
"""ISO 8601 in UTC, to the second or finer; 29 February is left out, since not all years have it."""

_PLAIN_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
"""Decimal numbers that polars and Python read the same way."""


def read_columns(table: pl.DataFrame, forms: Iterable[Input]) -> dict[str, NDArray[Any]]:
    """Arrays of the wanted columns by name; other columns are ignored, but for nested ones.

    Raises TrainingError when the table lacks one.

    >>> table = pl.DataFrame({"age": [41, None], "city": ["Ulm", None]})
    >>> read_columns(table, [Input(name="age", type="number")])["age"].tolist()
    [41.0, nan]
    """
    wanted = list(forms)
    table = with_parts(table, [form.name for form in wanted])
    present = set(table.columns)
    absent = [form.name for form in wanted if form.name not in present]
    if absent:
        raise TrainingError(
            f"the table lacks {len(absent)} of {len(wanted)} columns that the model reads: "
            f"{', '.join(f'`{name}`' for name in absent[:5])}; it has "
            f"{', '.join(f'`{name}`' for name in table.columns[:20])}: "
            "add them, with empty values where unknown"
        )
    return {form.name: read_column(table[form.name], form) for form in wanted}


def read_column(column: pl.Series, form: Input) -> NDArray[Any]:
    """One column as the array of its type.

    >>> read_column(pl.Series(["a", None, "a"]), Input(name="x", type="category")).tolist()
    ['a', None, 'a']
    """
    values = _read(column, form)
    return without_placeholders(values, form) if form.type == "time" else values


def _read(column: pl.Series, form: Input) -> NDArray[Any]:
    dtype = column.dtype
    if form.type in ("number", "boolean", "time") and (dtype.is_numeric() or dtype == pl.Boolean):
        values = np.array(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.float64)
        return _from_numbers(_held(values, form), form)
    if form.type == "number" and isinstance(dtype, pl.Duration | pl.Time):
        # ``to_physical`` counts nanoseconds of a day, and the time units of a duration
        units = {"ns": 1e9, "us": 1e6, "ms": 1e3}[getattr(dtype, "time_unit", "ns")]
        counts = column.to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.asarray(counts / units, np.float64)
    if form.type == "time" and isinstance(dtype, pl.Datetime | pl.Date):
        times = column.cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))
        exact = times.dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.asarray(exact / 1000.0, np.float64)
    if dtype.is_nested() or dtype == pl.Object:
        return read_values(form, column.to_list())
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if form.type == "time" and form.time_form == "iso" and dtype == pl.String:
        return _from_iso_text(column, form)
    if form.type == "number" and dtype == pl.String:
        return _from_number_text(column, form)
    return _from_distinct(column, form)


def distinct_codes(column: pl.Series) -> tuple[NDArray[np.int64], list[object]]:
    """The number of each row's distinct value, int64[n]; and the distinct values, null included."""
    values = column.alias("value").to_frame()
    distinct = values.unique(maintain_order=True).with_row_index("code")
    joined = values.join(distinct, on="value", how="left", nulls_equal=True, maintain_order="left")
    return joined["code"].to_numpy().astype(np.int64), distinct["value"].to_list()


def _held(values: NDArray[np.float64], form: Input) -> NDArray[np.float64]:
    """The numbers with those that float32 cannot hold as unknown, unless the column is wide."""
    if form.wide:
        return np.clip(values, -WIDEST, WIDEST)
    values[np.abs(values) > MOST_NUMBER] = np.nan
    return values


def _from_distinct(column: pl.Series, form: Input) -> NDArray[Any]:
    codes, distinct = distinct_codes(column)
    return np.asarray(read_values(form, distinct)[codes])


def _from_number_text(column: pl.Series, form: Input) -> NDArray[np.float64]:
    """Numbers written as text; those in plain form are parsed as a whole column."""
    if form.number_form is msgspec.UNSET:
        text = column.str.strip_chars()
        plain = text.set(~text.str.contains(_PLAIN_NUMBER).fill_null(value=False), None)
        numbers = plain.cast(pl.Float64, strict=False)
    else:
        numbers = numbers_written(column, form.number_form)
    values = np.array(numbers.fill_null(np.nan).to_numpy(), np.float64)
    values = _held(values, form)
    others = (numbers.is_null() & column.is_not_null()).to_numpy()
    if others.any():
        values[others] = _from_distinct(column.filter(pl.Series(others)), form)
    return values


def _from_iso_text(column: pl.Series, form: Input) -> NDArray[np.float64]:
    """Times written as text; plain ISO 8601 is parsed as a whole column, as most values differ."""
    text = column.str.strip_chars()
    is_plain = text.str.contains(_PLAIN).fill_null(value=False)
    if not is_plain.any():
        return _from_distinct(column, form)
    plain = text.filter(is_plain).str.replace(r"(?:[Zz]|[+-]00:?00)$", "")
    plain = plain.str.replace("[Tt]", " ").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    at_ms = np.full(len(column), np.nan)
    at_ms[is_plain.to_numpy()] = plain.dt.epoch("us").to_numpy() / 1000.0
    others = ~is_plain.to_numpy()
    if others.any():
        at_ms[others] = _from_distinct(column.filter(~is_plain), form)
    return at_ms


def _from_numbers(values: NDArray[np.float64], form: Input) -> NDArray[np.float64]:
    if form.type == "boolean":
        return np.where((values == 0) | (values == 1), np.abs(values), np.nan)
    if form.type == "time" and form.time_form not in EPOCHS:
        distinct, codes = np.unique(values, return_inverse=True)
        return np.asarray(read_values(form, distinct.tolist())[codes], np.float64)
    if form.type == "time":
        scale = EPOCHS[form.time_form]
        return np.where(np.abs(values) <= MOST_MS / scale, values, np.nan) * scale
    return values
