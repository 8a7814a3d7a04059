"""Ids and codes that are stored as numbers, told from numbers by what they say of the target."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.profile.association import level_gain, order_gain
from liverank.automl.profile.column_types import InferredType
from liverank.models.encoder.columns import Input

_TIMES_CLEARER, _CLEARER = 1.25, 0.01
"""How much more of the target's variance levels must tell than order, to make a number levels."""
_FEW, _MOST_BINS = 12, 64
"""Trees can tell a few numbers apart as they are; and stretches that are compared with names."""


def as_levels(
    look: InferredType, sample: pl.Series, distinct: int, target: NDArray[np.float64]
) -> InferredType | None:
    """The same column as a category, or None where its numbers tell as much by their order.

    ``target`` is float64[n, k], one column a class or the value.

    >>> from liverank.automl.profile.column_types import infer_type
    >>> codes = np.random.default_rng(0).integers(0, 100, 2000)
    >>> look = infer_type(pl.Series("place", codes))
    >>> odd = (codes % 2)[:, None].astype(np.float64)
    >>> as_levels(look, pl.Series("place", codes), 100, odd).form.type
    'category'
    >>> as_levels(look, pl.Series("place", codes), 100, codes[:, None].astype(np.float64)) is None
    True
    """
    if look.form.type != "number" or distinct <= _FEW or distinct * 4 > len(sample):
        return None
    values = read_column(sample, look.form)
    known = values[~np.isnan(values)]
    if not np.equal(known, np.floor(known)).all():
        return None
    codes, _ = distinct_codes(sample)
    by_name = level_gain(codes, target)
    by_order = order_gain(values, target, min(distinct // 3, _MOST_BINS))
    if by_name < _TIMES_CLEARER * by_order + _CLEARER:
        return None
    return InferredType(
        Input(name=look.form.name, type="category", numeric=True),
        f"whole numbers that return, and as names they tell {by_name:.1%} of the target's "
        f"variance, by order {max(by_order, 0):.1%}",
        look.oddity,
    )
