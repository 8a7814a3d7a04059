"""Converts the columns of a table: numbers in any common notation, and names of variants.

Invariant: a value that is not a number raises an error that quotes it, or is missing and counted;
it never becomes another number.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import polars as pl

from liverank.errors import ExperimentError
from liverank.values.words import FALSE, TRUE, UNKNOWN

_LARGEST = 1e50
"""Largest number whose variance is certain to be a finite float."""
_PERCENT = r"^[+-]?\d+([.,]\d+)?\s*%$"
_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DECIMAL_COMMA = r"^[+-]?\d+(,\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+$"


def check_columns(wanted: Iterable[str], columns: Sequence[str]) -> None:
    """Raises ExperimentError, with the nearest names, for a column that is not there."""
    for name in wanted:
        if name in columns:
            continue
        near = get_close_matches(name, columns, n=3) or [
            column for column in columns if column.lower() == name.lower()
        ]
        shown = ", ".join(f"`{column}`" for column in columns[:12])
        more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
        hint = (
            f"did you mean {' or '.join(f'`{column}`' for column in near)}?"
            if near
            else f"it has {shown}{more}"
        )
        raise ExperimentError(f"the table has no column `{name}`; {hint}")


def numbers(column: pl.Series, notes: list[str]) -> pl.Series:
    """A column as Float64, null where it is missing.

    Booleans become 1 and 0. Text that is all percents, all numbers with a decimal comma, or all
    yes and no is converted, with a note. Raises ExperimentError for other text, for infinite
    values, and for columns of a type that is not numeric.
    """
    name = column.name
    if column.dtype == pl.Boolean or column.dtype.is_numeric():
        found = column.cast(pl.Float64).fill_nan(None)
    elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
        found = _read_text(column.cast(pl.String), notes)
    elif column.dtype == pl.Null:
        found = column.cast(pl.Float64)
    else:
        raise ExperimentError(
            f"column `{name}` holds {column.dtype}; a metric and a covariate need numbers"
        )
    infinite = found.abs() > _LARGEST
    if infinite.any():
        row = infinite.arg_max() or 0
        raise ExperimentError(
            f"column `{name}` holds infinite values, or such beyond {_LARGEST:g}, in "
            f"{int(infinite.sum()):,} rows, first in row {row + 1}; a division by zero upstream? "
            "Leave the value empty where it is not known"
        )
    return found


def labels(column: pl.Series) -> pl.Series:
    """Names of variants or segments as text, 1.0 as "1"; null where missing."""
    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    if column.dtype.is_float():
        column = column.fill_nan(None)
        known = column.drop_nulls()
        if (known == known.round()).all() and (known.abs() < 2**53).all():
            column = column.cast(pl.Int64)
    text = column.cast(pl.String).str.strip_chars()
    unknown = [word for word in UNKNOWN if word not in ("-", "--", "none", "?")]
    return text.set(text.str.to_lowercase().is_in(unknown), None)


def _read_text(column: pl.Series, notes: list[str]) -> pl.Series:
    text = column.str.strip_chars()
    text = text.set(text.str.to_lowercase().is_in(list(UNKNOWN)), None)
    known = text.drop_nulls()
    name = column.name
    if known.str.contains(_PLAIN).all():
        return text.cast(pl.Float64)
    if known.str.contains(_PERCENT).all():
        notes.append(f"`{name}` holds percents such as `{known[0]}`; they are read as shares")
        shares = text.str.strip_chars(" %").str.replace(",", ".", literal=True)
        return shares.cast(pl.Float64) / 100
    lower = text.str.to_lowercase()
    if lower.drop_nulls().is_in(list(TRUE | FALSE)).all():
        notes.append(f"`{name}` holds words such as `{known[0]}`; they are read as 1 and 0")
        return lower.is_in(list(TRUE)).cast(pl.Float64)
    if known.str.contains(_DECIMAL_COMMA).all():
        with_comma = known.filter(known.str.contains(",", literal=True))
        if with_comma.str.contains(_THOUSANDS).all():
            raise ExperimentError(
                f"column `{name}` holds values such as `{with_comma[0]}`, which may be a thousand "
                "or a decimal; write thousands without a comma, and decimals with a point"
            )
        notes.append(f"`{name}` holds numbers with a decimal comma such as `{with_comma[0]}`")
        return text.str.replace(",", ".", literal=True).cast(pl.Float64)
    odd = text.is_not_null() & ~text.str.contains(_PLAIN).fill_null(False)
    row = odd.arg_max() or 0
    raise ExperimentError(
        f"column `{name}` holds text in {int(odd.sum()):,} of {len(column):,} rows, first "
        f"`{str(column[row])[:40]}` in row {row + 1}; a metric and a covariate need numbers"
    )
