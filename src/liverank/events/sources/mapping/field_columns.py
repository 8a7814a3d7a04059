"""Reads columns as fields of the types that liverank.toml declares, or refuses values.

``field_values`` holds the rules for one value; this module applies them to millions of rows. Types
in files are less exact than in JSON: a text that can be read as a number or as Unix milliseconds
counts as one, and a whole number counts as a text. Invariant: accepted values fit their type by
``field_values``, and messages about refused ones are the same.
"""

import re
from collections.abc import Mapping
from functools import partial

import msgspec
import polars as pl

from liverank.config import FieldType
from liverank.errors import SourceError
from liverank.events.field_values import EXACT, LARGEST, problem_of_field
from liverank.events.sources.mapping.expressions import Value
from liverank.events.time_range import FIRST_MS, LAST_MS

_DIGITS = re.compile(r"-?\d{1,18}")
_SPLIT = " (`| split` makes a list of a text)"


def json_column(name: str) -> str:
    """Name of the extra column with the lists, as JSON, of a column that has several types."""
    return f"\x00json:{name}"


def declared_field(name: str, field_type: FieldType, value: Value) -> Value:
    """The value of a declared field, with a problem for each row that does not fit its type.

    >>> value = declared_field("members", "number", Value(pl.col("n"), pl.String()))
    >>> frame = pl.DataFrame({"n": ["7", None, "many"]})
    >>> frame.select(value.expression).to_series().to_list()
    [7.0, None, None]
    >>> frame.select(value.problems[0]).to_series()[2]
    'Expected a number, got `"many"` - at `$.fields.members` (declared as "number"); send a ...
    """
    value = _simplified(value)
    given, dtype = value.expression, value.dtype
    if field_type == "text" and dtype.is_integer():
        return value._replace(expression=given.cast(pl.String), dtype=pl.String())
    is_sure = _is_sure(field_type, given, dtype)
    if is_sure is None:
        return value
    look = partial(_problems, name, field_type, more=_SPLIT if field_type == "keys" else "")
    unsure = pl.when(is_sure.not_()).then(given)
    problem = unsure.map_batches(look, return_dtype=pl.String())
    value = value._replace(problems=(*value.problems, problem))
    if field_type == "number" and dtype == pl.String():
        return value._replace(expression=_number_of(given), dtype=pl.Float64())
    if field_type == "time" and dtype == pl.String():
        return value._replace(expression=_time_of(given))
    return value


def json_of(fields: Mapping[str, Value], *, where: str) -> Value:
    """The fields of an event as one JSON object without nulls; null where no field is left.

    Raises SourceError when a field is of a type that an event cannot hold.

    >>> frame = pl.DataFrame({"lang": ["en", None], "size": [3, None]})
    >>> fields = {name: Value(pl.col(name), frame.schema[name]) for name in frame.columns}
    >>> frame.select(json_of(fields, where="fields").expression).to_series().to_list()
    ['{"lang":"en","size":3}', None]
    """
    pieces: list[pl.Expr] = []
    for name, value in fields.items():
        if value.is_json:
            key = msgspec.json.encode(name).decode()
            pieces.append(pl.concat_str(pl.lit(f"{key}:"), value.expression))
            continue
        plain = _plain(value, f"{where}.{name}")
        piece = pl.struct(plain.alias(name)).struct.json_encode()
        piece = piece.str.strip_prefix("{").str.strip_suffix("}")
        pieces.append(pl.when(plain.is_not_null()).then(piece))
    joined = pl.concat_str(pieces, separator=",", ignore_nulls=True)
    text = pl.when(joined.str.len_bytes() > 0).then(pl.concat_str(pl.lit("{"), joined, pl.lit("}")))
    return Value(
        text, pl.String(), tuple(problem for value in fields.values() for problem in value.problems)
    )


def _simplified(value: Value) -> Value:
    """Categories as texts, decimals as floats."""
    dtype: pl.DataType = pl.Float64()
    if isinstance(value.dtype, pl.Categorical | pl.Enum):
        dtype = pl.String()
    elif not value.dtype.is_decimal():
        return value
    return value._replace(expression=value.expression.cast(dtype), dtype=dtype)


def _is_sure(field_type: FieldType, given: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Whether each value certainly fits, computed for a whole column; None where all do.

    The other values are checked one by one.
    """
    never, is_list = pl.lit(value=False), isinstance(dtype, pl.List)
    if dtype == pl.Null():
        return None
    if field_type == "number":
        number = _number_of(given) if dtype == pl.String() else given
        is_bounded = number.is_between(-LARGEST, LARGEST)
        if dtype == pl.String():
            return is_bounded.fill_null(given.is_null())
        return never if is_list else (is_bounded if dtype.is_float() else None)
    if field_type == "time":
        if dtype == pl.String():
            return _ms_of(given).is_between(FIRST_MS, LAST_MS).fill_null(value=False)
        if dtype.is_numeric():
            return given.is_between(FIRST_MS, LAST_MS)
        return None if isinstance(dtype, pl.Date | pl.Datetime) else never
    if field_type == "keys":
        return _holds_ids(given, dtype.inner) if isinstance(dtype, pl.List) else never
    if field_type == "text":
        return None if dtype == pl.String() else never
    if is_list or (field_type == "key" and dtype == pl.Boolean()):
        return never
    if not dtype.is_float():
        return None
    return _is_id(given) if field_type == "key" else given.is_finite()


def _holds_ids(given: pl.Expr, inner: object) -> pl.Expr:
    one = pl.element()
    is_float = isinstance(inner, pl.Float32 | pl.Float64) or inner in (pl.Float32, pl.Float64)
    bad = one.is_null() | _is_id(one).not_() if is_float else one.is_null()
    return given.list.eval(bad).list.any().not_()


def _is_id(number: pl.Expr) -> pl.Expr:
    return number.is_finite() & (number.floor() == number) & (number.abs() < EXACT)


def _number_of(text: pl.Expr) -> pl.Expr:
    """The number that a text or a boolean stands for; null where no feature can hold it."""
    given = text.str.strip_chars()
    truth = given.str.to_lowercase().replace_strict(
        {"true": 1.0, "false": 0.0}, default=None, return_dtype=pl.Float64
    )
    number = pl.coalesce(given.cast(pl.Float64, strict=False), truth)
    return pl.when(number.is_between(-LARGEST, LARGEST)).then(number)


def _ms_of(text: pl.Expr) -> pl.Expr:
    """The Unix milliseconds that a text of digits stands for, null for other texts."""
    return text.str.extract(f"^({_DIGITS.pattern})$").cast(pl.Int64, strict=False)


def _time_of(text: pl.Expr) -> pl.Expr:
    """A time as text, RFC 3339 also where it was given as Unix milliseconds."""
    at_ms = _ms_of(text)
    moment = pl.from_epoch(at_ms, time_unit="ms").dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ")
    return pl.when(at_ms.is_null()).then(text).otherwise(moment)


def _problems(name: str, field_type: FieldType, given: pl.Series, *, more: str) -> pl.Series:
    """Why values that may not fit are refused: String[n], null where they do or are missing."""
    rows = given.is_not_null().arg_true()
    found = pl.Series(given.name, [None], pl.String).new_from_index(0, len(given))
    if not len(rows):
        return found
    known: dict[object, str | None] = {}
    reasons: list[str | None] = []
    for value in given.gather(rows).to_list():
        key = str(value) if isinstance(value, list) else value
        if key not in known:
            reason = _problem(name, field_type, value)
            known[key] = reason and reason + more
        reasons.append(known[key])
    return found.scatter(rows, reasons)


def _problem(name: str, field_type: FieldType, value: object) -> str | None:
    if field_type == "time" and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    return problem_of_field(name, field_type, value)


def _plain(value: Value, where: str) -> pl.Expr:
    """The value with a type of JSON: text, a number, a boolean, or a list of texts or numbers."""
    given, dtype = value.expression, value.dtype
    if isinstance(dtype, pl.Date | pl.Datetime):
        return given.cast(pl.Datetime("ms")).dt.epoch("ms")
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return given.cast(pl.String)
    if dtype.is_float():
        return pl.when(given.is_finite()).then(given)
    if isinstance(dtype, pl.List) and (dtype.inner == pl.String or dtype.inner.is_numeric()):
        return given.list.drop_nulls()
    if dtype.is_decimal():
        return given.cast(pl.Float64)
    if dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Null):
        return given
    raise SourceError(f"`{where}` holds {dtype}; a field is a text, a number, a truth or a list")
