"""Reads a whole column of numbers as people write them, with polars.

The meaning is that of ``liverank.values.number_forms.number_written``, which reads one text.
"""

import re
from collections.abc import Callable

import polars as pl

from liverank.values.number_forms import (
    ALIKE,
    CURRENCIES,
    GROUPS,
    PERCENT,
    NumberForm,
    pattern_of,
)


def numbers_written(column: pl.Series, form: NumberForm) -> pl.Series:
    """The numbers of a column of texts: Float64, null for a text that is not read here.

    >>> numbers_written(pl.Series(["$1,234.50", "(7)", "x"]), NumberForm(unit="$")).to_list()
    [1234.5, -7.0, None]
    """
    text = pl.col("text").str.strip_chars()
    for character, same in ALIKE.items():
        text = text.str.replace_all(character, same, literal=True)
    parts = pl.col("text").struct.field
    found = (
        column.alias("text")
        .to_frame()
        .lazy()
        .select(text.str.extract_groups(pattern_of(form.decimal)).struct.rename_fields(GROUPS))
        .select(
            _unsigned(parts("body"), form).alias("number"),
            *(parts(name).is_not_null().alias(name) for name in ("open", "close")),
            *(_is(parts(name), "-").alias(f"-{name}") for name in ("sign", "inner", "minus")),
            pl.sum_horizontal(
                parts(name).is_not_null() for name in ("open", "sign", "inner", "minus")
            ).alias("signs"),
            pl.sum_horizontal(
                parts(name).is_not_null() for name in ("before", "after", "last")
            ).alias("units"),
            _fits(parts, form).alias("fits"),
        )
    )
    is_negative = pl.any_horizontal("open", "-sign", "-inner", "-minus")
    is_sound = (pl.col("signs") <= 1) & (pl.col("units") <= 1) & pl.col("fits")
    number = pl.when(is_negative).then(-pl.col("number")).otherwise("number")
    return (
        found.select(pl.when(is_sound & (pl.col("open") == pl.col("close"))).then(number))
        .collect()
        .to_series()
    )


def _unsigned(body: pl.Expr, form: NumberForm) -> pl.Expr:
    grouping = "," if form.decimal == "." else "."
    digits = body.str.replace_all(f"[ '{re.escape(grouping)}]", "")
    if form.decimal == ",":
        digits = digits.str.replace(",", ".", literal=True)
    return digits.cast(pl.Float64, strict=False)


def _is(part: pl.Expr, text: str) -> pl.Expr:
    return (part == text).fill_null(value=False)


def _fits(parts: Callable[[str], pl.Expr], form: NumberForm) -> pl.Expr:
    """Whether the unit is that of the form, or absent where it may be."""
    unit = pl.coalesce(*(parts(name) for name in ("before", "after", "last")))
    if form.unit is None:
        return unit.is_null()
    same = [each for each, name in CURRENCIES.items() if name == form.unit]
    if form.unit == PERCENT:
        return unit.is_in([PERCENT]).fill_null(value=False)
    return unit.is_in(same).fill_null(value=True)
