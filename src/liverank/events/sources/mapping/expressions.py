"""Compiles templates into polars expressions over the rows of a table.

Invariant: a value that cannot be read becomes null, with a problem that describes it; other rows
are not affected.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from liverank.errors import SourceError
from liverank.events.sources.mapping.templates import Array, Hole, Step, Template


class Value(NamedTuple):
    """The value of a template, for each row of a table."""

    expression: pl.Expr
    dtype: pl.DataType
    problems: tuple[pl.Expr, ...] = ()
    """Texts that describe what is wrong with a row; null where nothing is."""
    is_json: bool = False
    """Whether the texts are JSON, since the values are lists and others."""


def value_of(
    template: Template | Array, schema: pl.Schema, *, where: str, of_id: str | None = None
) -> Value:
    """The template's value over a table of ``schema``.

    A single hole keeps its column's type; with text around it the value is text, null where a hole
    is null. ``of_id`` is the key of the event if the value becomes an id: then a text may contain
    only texts and whole numbers, as 7 and 7.0 would be two ids.
    Raises SourceError when a column does not exist or a step does not fit it.

    >>> from liverank.events.sources.mapping.templates import parse_template
    >>> frame = pl.DataFrame({"item": [7, 8]})
    >>> value = value_of(parse_template("men-{item}", where="x"), frame.schema, where="x")
    >>> frame.select(value.expression).to_series().to_list()
    ['men-7', 'men-8']
    """
    if isinstance(template, Array):
        return _array(template, schema, where, of_id)
    values = [
        _fill(piece, schema, where)
        if isinstance(piece, Hole)
        else Value(pl.lit(piece), _CONSTANTS[type(piece)])
        for piece in template.pieces
    ]
    if len(values) == 1:
        return values[0]
    for value, piece in zip(values, template.pieces, strict=True):
        if isinstance(value.dtype, pl.List) and isinstance(piece, Hole):
            raise SourceError(
                f"`{where}` puts the list {{{piece.column}}} inside a text; let it stand alone"
            )
    texts = [_text_piece(value, where if of_id is None else of_id, of_id) for value in values]
    return Value(
        pl.concat_str([text.expression for text in texts]),
        pl.String(),
        tuple(problem for text in texts for problem in text.problems),
    )


def level_text(value: Value) -> pl.Expr:
    """A value as the text that ``when`` compares: whole numbers without a point, like ``level_of``.

    >>> frame = pl.DataFrame({"click": [1.0, 0.5]})
    >>> frame.select(level_text(Value(pl.col("click"), pl.Float64()))).to_series().to_list()
    ['1', '0.5']
    """
    given = value.expression
    text = given.cast(pl.String)
    if not value.dtype.is_float():
        return text
    is_whole = (given.floor() == given) & (given.abs() < 2**53)
    return (
        pl.when(is_whole).then(given.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(text)
    )


def cast_to(dtype: pl.DataType, value: Value, *, where: str) -> Value:
    """The value cast to the type of a column of events.

    Whole numbers become text and text becomes numbers, element by element in lists; a value that
    cannot be cast (7.5 is no id) is a problem of its row. Bytes may be base64 text. Raises
    SourceError where no value of the column's type can be cast.

    >>> value = cast_to(pl.Float64(), Value(pl.col("dwell"), pl.String()), where="value")
    >>> frame = pl.DataFrame({"dwell": ["1.5", "long"]})
    >>> frame.select(value.expression, problem=value.problems[0]).rows()
    [(1.5, None), (None, '`value` is not a number: long')]
    >>> value = cast_to(pl.Binary(), Value(pl.col("v"), pl.String()), where="vectors")
    >>> pl.DataFrame({"v": ["cm93cw==", "?"]}).select(value.expression, p=value.problems[0]).rows()
    [(b'rows', None), (None, '`vectors` is not base64: ?')]
    """
    if isinstance(dtype, pl.List) != isinstance(value.dtype, pl.List):
        wanted, step = ("a list", "; `| split` makes one of a text")
        if not isinstance(dtype, pl.List):
            wanted, step = ("one value", "; `for_each` makes an event of each value")
        raise SourceError(f"`{where}` wants {wanted}, got {value.dtype}{step}")
    if value.dtype == dtype:
        return value
    if isinstance(dtype, pl.List):
        return _cast_list(dtype, value, where)
    if dtype == pl.Boolean() and (value.dtype == pl.String() or value.dtype.is_numeric()):
        text = value.expression.cast(pl.String).str.to_lowercase()
        truth = text.replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)
        return _or_problem(value, truth, dtype, f"`{where}` is neither true nor false")
    if not _becomes(dtype, value.dtype):
        return _refused(dtype, value, where)
    if dtype == pl.Binary():
        if value.dtype != pl.String():
            raise SourceError(f"`{where}` wants bytes, or text in base64, got {value.dtype}")
        decoded = value.expression.str.decode("base64", strict=False)
        return _or_problem(value, decoded, dtype, f"`{where}` is not base64")
    if value.dtype == pl.Binary():
        return _text_of_bytes(value, where)
    cast = value.expression.cast(dtype, strict=False)
    return _or_problem(value, cast, dtype, f"`{where}` is not a number")


def unread(given: pl.Expr, read: pl.Expr, text: str) -> pl.Expr:
    """The problem of rows whose given value could not be read: the text and the value.

    >>> frame = pl.DataFrame({"n": ["7", "x"]})
    >>> read = pl.col("n").cast(pl.Int64, strict=False)
    >>> frame.select(unread(pl.col("n"), read, "not a number")).to_series().to_list()
    [None, 'not a number: x']
    """
    failed = given.is_not_null() & read.is_null()
    return pl.when(failed).then(pl.concat_str(pl.lit(f"{text}: "), given.cast(pl.String)))


def _text_piece(value: Value, where: str, of_id: str | None) -> Value:
    """Part of a text, as text; in an id, a number with a point or a boolean is a problem."""
    dtype = value.dtype
    if dtype == pl.Binary():
        return _text_of_bytes(value, where)
    if of_id is not None and (dtype.is_float() or dtype.is_decimal() or dtype == pl.Boolean()):
        return _refused(pl.String(), value, where)
    return value._replace(expression=value.expression.cast(pl.String), dtype=pl.String())


def _array(array: Array, schema: pl.Schema, where: str, of_id: str | None) -> Value:
    values = [value_of(part, schema, where=where, of_id=of_id) for part in array.parts]
    inner: pl.DataType = pl.Float64()
    if all(value.dtype.is_integer() for value in values):
        inner = pl.Int64()
    elif of_id is not None or not all(value.dtype.is_numeric() for value in values):
        inner, where = pl.String(), of_id or where
    parts = [cast_to(inner, value, where=where) for value in values]
    problems = tuple(problem for part in parts for problem in part.problems)
    return Value(pl.concat_list([part.expression for part in parts]), pl.List(inner), problems)


def _or_problem(value: Value, cast: pl.Expr, dtype: pl.DataType, text: str) -> Value:
    return Value(cast, dtype, (*value.problems, unread(value.expression, cast, text)))


def _becomes(wanted: pl.DataType, given: DataType | DataTypeClass) -> bool:
    """Whether values of the given type can be cast to texts, or to numbers."""
    if given in (pl.String, pl.Null) or given.is_integer():
        return True
    if wanted == pl.String():
        return isinstance(given, pl.Categorical | pl.Enum | pl.Binary)
    return given.is_numeric() or wanted == pl.Binary()


def _text_of_bytes(value: Value, where: str) -> Value:
    """Bytes as text; those that are not UTF-8 are a problem."""
    text = value.expression.map_batches(_decoded, return_dtype=pl.String())
    reason = pl.concat_str(
        pl.lit(f"`{where}` is not UTF-8: 0x"), value.expression.bin.encode("hex")
    )
    problem = pl.when(value.expression.is_not_null() & text.is_null()).then(reason)
    return Value(text, pl.String(), (*value.problems, problem))


def _decoded(values: pl.Series) -> pl.Series:
    """Bytes as text, null where they are not UTF-8."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series(values.name, [_utf8(one) for one in values], pl.String)


def _utf8(given: bytes | None) -> str | None:
    try:
        return None if given is None else given.decode()
    except UnicodeDecodeError:
        return None


def _refused(dtype: pl.DataType, value: Value, where: str) -> Value:
    """Values of a type that cannot be cast: each one that is not null is a problem."""
    wanted = "a text or a whole number" if dtype == pl.String() else "a number"
    given, text = value.expression, f"`{where}` is {value.dtype}, not {wanted}"
    if value.dtype.is_numeric() or value.dtype == pl.Boolean():
        problem = unread(given, pl.lit(None, dtype), text)
    else:
        problem = pl.when(given.is_not_null()).then(pl.lit(text))
    return Value(pl.lit(None, dtype), dtype, (*value.problems, problem))


def _cast_list(dtype: pl.List, value: Value, where: str) -> Value:
    """A list with its values cast; unreadable values become null, which the rules refuse."""
    assert isinstance(value.dtype, pl.List)
    given = value.dtype.inner
    cast = value._replace(expression=value.expression.cast(dtype, strict=False))
    if dtype.inner != pl.String or _becomes(pl.String(), given):
        return cast
    text = f"`{where}` holds {given}, not texts or whole numbers"
    problem = pl.when(value.expression.list.len() > 0).then(pl.lit(text))
    return Value(pl.lit(None, dtype), dtype, (*value.problems, problem))


_CONSTANTS: dict[type, pl.DataType] = {
    str: pl.String(),
    bool: pl.Boolean(),
    int: pl.Int64(),
    float: pl.Float64(),
}
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _fill(hole: Hole, schema: pl.Schema, where: str) -> Value:
    if hole.column not in schema:
        there = ", ".join(name for name in schema if not name.startswith("\x00"))
        raise SourceError(
            f"`{where}` names the column {{{hole.column}}}, which is not there; there are: {there}"
        )
    value = Value(pl.col(hole.column), schema[hole.column])
    for step in hole.steps:
        value = _RUN[step.name](value, step, f"`{where}`: {{{hole.column}}}")
    return value


def _split(value: Value, step: Step, where: str) -> Value:
    if value.dtype != pl.String:
        raise SourceError(f"{where} holds {value.dtype}, but `split` wants text")
    text = value.expression
    pieces = text.str.split(*step.arguments) if step.arguments else text.str.extract_all(r"\S+")
    return value._replace(expression=pieces, dtype=pl.List(pl.String()))


def _ending(value: Value, step: Step, where: str) -> Value:
    _want_texts(value, "ending", where)
    element = pl.element()
    kept = pl.any_horizontal(element.str.ends_with(end) for end in step.arguments)
    return value._replace(expression=value.expression.list.eval(element.filter(kept)))


def _drop_end(value: Value, step: Step, where: str) -> Value:
    if value.dtype != pl.String:
        _want_texts(value, "drop_end", where)
    ends = "|".join(re.escape(end) for end in step.arguments)

    def drop(text: pl.Expr) -> pl.Expr:
        return text.str.replace(f"(?:{ends})$", "")

    if value.dtype == pl.String:
        return value._replace(expression=drop(value.expression))
    return value._replace(expression=value.expression.list.eval(drop(pl.element())))


def _unique(value: Value, step: Step, where: str) -> Value:
    if not isinstance(value.dtype, pl.List):
        raise SourceError(f"{where} holds {value.dtype}, but `{step.name}` wants a list")
    return value._replace(expression=value.expression.list.unique(maintain_order=True))


def _number(value: Value, step: Step, where: str) -> Value:
    if value.dtype.is_numeric():
        return value
    if value.dtype != pl.String:
        raise SourceError(f"{where} holds {value.dtype}, but `{step.name}` wants text")
    number = value.expression.str.strip_chars().cast(pl.Float64, strict=False)
    read = _or_problem(value, number, pl.Float64(), f"{where} is not a number")
    return read._replace(expression=number.fill_nan(None))


def _want_texts(value: Value, step: str, where: str) -> None:
    if value.dtype != pl.List(pl.String):
        raise SourceError(f"{where} holds {value.dtype}, but `{step}` wants a list of texts")


_RUN: dict[str, Callable[[Value, Step, str], Value]] = {
    "split": _split,
    "ending": _ending,
    "drop_end": _drop_end,
    "unique": _unique,
    "number": _number,
}
