"""Finds columns of numbers of which some are too large for float32, which models read."""

import msgspec
import numpy as np
import polars as pl

from liverank.automl.data.columns import read_column
from liverank.automl.profile.column_types import InferredType
from liverank.values.numbers import MOST_NUMBER


def as_wide(inferred: InferredType, sample: pl.Series) -> InferredType:
    """The type with ``wide`` set if some numbers, or infinity, are beyond float32; else the same.

    >>> from liverank.models.encoder.columns import Input
    >>> inferred = InferredType(Input(name="x", type="number"), "numbers")
    >>> as_wide(inferred, pl.Series([1.0, 1e300])).form.wide
    True
    """
    if inferred.form.type != "number" or sample.dtype.is_integer():
        return inferred
    form = msgspec.structs.replace(inferred.form, wide=True)
    if not (np.abs(read_column(sample, form)) > MOST_NUMBER).any():
        return inferred
    return inferred._replace(form=form)
