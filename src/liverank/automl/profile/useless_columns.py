"""Finds columns that cannot help to predict anything, whatever the target is."""

import polars as pl

from liverank.automl.profile.column_types import InferredType


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
        return "every value is different: it could only be memorised"
    if inferred.form.type == "number" and distinct == present == len(sample) > 20:
        numbers = sample.cast(pl.Float64, strict=False)
        low, high = numbers.min(), numbers.max()
        if isinstance(low, float) and isinstance(high, float) and len(sample) == len(whole):
            is_whole = bool((numbers == numbers.floor()).all())
            if is_whole and high - low == len(sample) - 1:
                return "it numbers the rows: it could only be memorised"
    return None
