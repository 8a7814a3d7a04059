"""Detects whole numbers that are ids: as categories they explain the target clearly better."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.profile.association import level_gain, order_gain
from liverank.automl.profile.column_types import InferredType
from liverank.models.encoder.columns import Input

_CLEARER_FACTOR, _CLEARER_MARGIN = 1.25, 0.01
"""A number becomes a category if its levels explain this many times more of the target's variance
than its order, and this share more in addition."""
_FEW_VALUES = 12
"""Columns with no more distinct values stay numbers: trees separate a few values well enough."""
_MOST_BINS = 64
"""Quantile bins by which the numeric order is measured."""


def as_levels(
    inferred: InferredType, sample: pl.Series, distinct: int, target: NDArray[np.float64]
) -> InferredType | None:
    """The same column as a category, or None where its numeric order explains as much.

    ``distinct`` is the number of distinct values in the sample; ``target`` is float64[n, k], one
    column a class, or the value.

    >>> from liverank.automl.profile.column_types import infer_type
    >>> codes = np.random.default_rng(0).integers(0, 100, 2000)
    >>> inferred = infer_type(pl.Series("venue", codes))
    >>> odd = (codes % 2)[:, None].astype(np.float64)
    >>> as_levels(inferred, pl.Series("venue", codes), 100, odd).form.type
    'category'
    >>> rising = codes[:, None].astype(np.float64)
    >>> as_levels(inferred, pl.Series("venue", codes), 100, rising) is None
    True
    """
    if inferred.form.type != "number" or distinct <= _FEW_VALUES or distinct * 4 > len(sample):
        return None
    values = read_column(sample, inferred.form)
    known = values[~np.isnan(values)]
    if not np.equal(known, np.floor(known)).all():
        return None
    codes, _ = distinct_codes(sample)
    by_level = level_gain(codes, target)
    by_order = order_gain(values, target, min(distinct // 3, _MOST_BINS))
    if by_level < _CLEARER_FACTOR * by_order + _CLEARER_MARGIN:
        return None
    return InferredType(
        Input(name=inferred.form.name, type="category", numeric=True),
        f"whole numbers that occur again and again; as categories they explain {by_level:.1%} of "
        f"the target's variance, by their order {max(by_order, 0):.1%}",
        inferred.oddity,
    )
