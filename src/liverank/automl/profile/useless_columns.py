"""Finds columns that cannot help to predict anything, whatever the target is."""

from collections.abc import Iterable

import polars as pl

from liverank.automl.profile.column_types import InferredType

_ALL_DIFFER = "every value is different: it could only be memorised"
_NAMED = 3
"""Most columns that a note names."""


def left_out_notes(reasons: Iterable[tuple[str, str]]) -> list[str]:
    """Which columns are left out and why, by reason; ``reasons`` are pairs of a name and a reason.

    >>> left_out_notes([("a", "one value in all rows"), ("b", "one value in all rows")])
    ['columns `a` and `b` are left out: one value in all rows']
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons:
        by_reason.setdefault(reason, []).append(f"`{name}`")
    notes = []
    for reason, names in by_reason.items():
        more = len(names) - _NAMED
        listed = [*names[:_NAMED], *([f"{more} more"] if more > 0 else [])]
        which = " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
        are = "s {} are" if len(names) > 1 else " {} is"
        cure = "; make a part of it that matters a column" if reason == _ALL_DIFFER else ""
        notes.append(f"column{are.format(which)} left out: {reason}{cure}")
    return notes


def why_useless(
    inferred: InferredType, sample: pl.Series, whole: pl.Series, distinct: int
) -> str | None:
    """Why a column cannot help; None where it might."""
    if distinct == 0 and whole.null_count() == len(whole):
        return "it has no values"
    if distinct <= 1 and not whole.dtype.is_nested() and whole.drop_nulls().n_unique() <= 1:
        return "one value in all rows" if whole.null_count() == 0 else None
    present = len(sample) - sample.null_count()
    if inferred.form.type == "category" and distinct == present > 1:
        return _ALL_DIFFER
    if inferred.form.type == "number" and distinct == present == len(sample) > 20:
        numbers = sample.cast(pl.Float64, strict=False)
        low, high = numbers.min(), numbers.max()
        if isinstance(low, float) and isinstance(high, float) and len(sample) == len(whole):
            is_whole = bool((numbers == numbers.floor()).all())
            if is_whole and high - low == len(sample) - 1:
                return "it numbers the rows: it could only be memorised"
    return None
