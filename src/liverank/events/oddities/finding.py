"""What a check of the events tells."""

from typing import Literal, TypeAlias

import msgspec
import polars as pl

Severity: TypeAlias = Literal["error", "warning", "info"]
"""``error`` stops training or loses events, ``warning`` costs quality, ``info`` is good to know."""

_EXAMPLES = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is odd, how often, and where to look."""

    name: str
    severity: Severity
    message: str
    count: int
    examples: tuple[str, ...] = ()


def finding_of(
    name: str, severity: Severity, message: str, odd: pl.DataFrame, example: pl.Expr
) -> Finding | None:
    """The finding of odd rows; None when there are none. ``example`` is the text of a row.

    >>> odd = pl.DataFrame({"item": ["room9", "room9"]})
    >>> finding_of("late", "info", "items are late", odd, pl.col("item")).examples
    ('room9',)
    """
    if odd.is_empty():
        return None
    examples = odd.lazy().select(example.alias("example").unique(maintain_order=True))
    return Finding(
        name=name,
        severity=severity,
        message=message,
        count=odd.height,
        examples=tuple(examples.head(_EXAMPLES).collect()["example"].drop_nulls()),
    )
