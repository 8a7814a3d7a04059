"""Formats several columns into one text for each row."""

import polars as pl


def row_text(pattern: str, *columns: str | pl.Expr) -> pl.Expr:
    """Fill ``pattern`` with the values of a row, one for each ``{}``; null where a value is null.

    ``pl.format`` does the same, but fails on frames whose columns have several chunks.

    >>> pl.DataFrame({"a": ["x"], "b": [3]}).select(row_text("{} at {}", "a", "b")).item()
    'x at 3'
    """
    between = pattern.split("{}")
    parts: list[pl.Expr] = [pl.lit(between[0])]
    for column, after in zip(columns, between[1:], strict=True):
        parts += [pl.col(column) if isinstance(column, str) else column, pl.lit(after)]
    return pl.concat_str(parts)
