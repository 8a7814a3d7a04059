"""Finds columns of ids, which can be encoded as numbers, by their levels, or as both.

The order of ids may matter (they are handed out in time), their levels may (each has its own mean
of the target), or both. Here the target decides which encodings are worth trying, and which are
used where there is no time to try; ``search/encoding_selection.py`` tries them.
Invariant: numbers whose levels explain nothing beyond their order are not encoded by levels.
"""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.profile.association import Gain, explained_beyond, level_gain, quantile_codes
from liverank.automl.profile.column_types import InferredType
from liverank.models.encoder.step_functions import trailing_numbers

ColumnEncoding: TypeAlias = Literal["number", "levels", "both"]
"""How an id is encoded: its number; target mean and frequency of its level; or both."""
USED_AS: dict[ColumnEncoding, str] = {
    "number": "used as a number",
    "levels": "encoded by its levels",
    "both": "used as a number and encoded by its levels",
}

_FEW_VALUES = 12
"""Columns with no more distinct values keep one encoding: trees separate a few values well."""
_LEAST_ROWS_OF_LEVEL = 5
_RECURRING = 0.1
"""Share of the rows whose value must have at least five rows for levels to be worth a trial."""
_HAVE_NUMBERS = 0.95
"""Share of a category's rows whose text must end in a number."""
_SURE = 2.0
"""Standard errors by which an encoding must help one column alone to be used without a trial."""
_CLEARER = 0.1
"""Share of what a number's order explains that its levels must explain in addition: the bins of an
order hide that much of it."""
_MOST_BINS = 64
"""Quantile bins by which the order of numbers is measured."""
_MOST_CLASSES = 10
"""Classes, the most frequent ones, whose means are measured: encodings have those of no more."""
_MOST_EXACT = 2.0**53
"""Whole numbers from here on may be merged with others when read as floats."""


class IdEncoding(NamedTuple):
    """The encoding that an id has where no other is tried, and the evidence for it."""

    encoding: ColumnEncoding
    reason: str


def id_encoding(
    inferred: InferredType, sample: pl.Series, target: NDArray[np.float64]
) -> IdEncoding | None:
    """How to encode a column that may be encoded in several ways; None for other columns.

    ``sample`` is n values of the column; ``target`` is float64[n, k], one column a class, or the
    value.

    >>> from liverank.automl.profile.column_types import infer_type
    >>> codes = pl.Series("x", np.random.default_rng(0).integers(0, 100, 2000))
    >>> odd = (codes.to_numpy() % 2)[:, None].astype(np.float64)
    >>> id_encoding(infer_type(codes), codes, odd).encoding
    'both'
    >>> rising = codes.to_numpy()[:, None].astype(np.float64)
    >>> id_encoding(infer_type(codes), codes, rising) is None
    True
    """
    is_number = inferred.form.type == "number"
    if not is_number and inferred.form.type != "category":
        return None
    values = read_column(sample, inferred.form)
    numbers = values if is_number else trailing_numbers(values)
    present = len(values) if is_number else sum(value is not None for value in values.tolist())
    known = numbers[~np.isnan(numbers)]
    if not is_number and len(known) < _HAVE_NUMBERS * present:
        return None
    distinct, rows = np.unique(known, return_counts=True)
    if len(distinct) <= _FEW_VALUES or not np.equal(distinct, np.floor(distinct)).all():
        return None
    bins = quantile_codes(numbers, min(len(distinct) // 3, _MOST_BINS))
    are_unique = sample.drop_nulls().is_unique().all()
    if are_unique or rows[rows >= _LEAST_ROWS_OF_LEVEL].sum() < _RECURRING * len(known):
        if inferred.form.numeric and not are_unique:
            return IdEncoding("both", f"{inferred.reason}; few of them recur")
        return None if is_number else _order_only(distinct, bins, target)
    if is_number and np.abs(distinct).max() >= _MOST_EXACT:
        return None
    codes, _ = distinct_codes(sample)
    if target.shape[1] > _MOST_CLASSES:
        target = target[:, np.argsort(-target.sum(axis=0), kind="stable")[:_MOST_CLASSES]]
    return _by_evidence(
        inferred,
        by_levels=explained_beyond(bins, codes, target),
        by_order=explained_beyond(codes, bins, target),
        order_alone=level_gain(bins, target),
    )


def _by_evidence(
    inferred: InferredType, *, by_levels: Gain, by_order: Gain, order_alone: float
) -> IdEncoding | None:
    """The encodings of ids that recur; None for numbers whose levels explain nothing.

    ``by_levels`` is what levels explain beyond the order, ``by_order`` the reverse, and
    ``order_alone`` what the order explains by itself.
    """
    reason = (
        f"levels explain {_share(by_levels)} of the target's variance beyond the order, "
        f"the order {_share(by_order)} beyond the levels"
    )
    if inferred.form.type == "number":
        if by_levels.errors <= 0 or by_levels.share < _CLEARER * order_alone:
            return None
        reason = f"whole numbers that occur again and again; {reason}"
        return IdEncoding("both" if by_levels.errors > _SURE else "number", reason)
    reason = f"{inferred.reason}; {reason}"
    if not inferred.form.numeric and by_order.errors <= _SURE:
        return IdEncoding("levels", reason)
    return IdEncoding("both" if by_levels.errors > 0 else "number", reason)


def _order_only(
    distinct: NDArray[np.float64],
    bins: NDArray[np.int64],
    target: NDArray[np.float64],
) -> IdEncoding | None:
    """Texts that hardly recur as numbers, where their order explains something of the target.

    ``distinct`` are the different numbers, ``bins`` int64[n] the quantile bin of each row's.
    """
    if np.ptp(distinct) == len(distinct) - 1:  # they number the rows
        return None
    by_order = explained_beyond(np.zeros_like(bins), bins, target)
    if by_order.errors <= _SURE:
        return None
    return IdEncoding(
        "number",
        "texts that hardly recur and end in a number, whose order explains "
        f"{_share(by_order)} of the target's variance",
    )


def _share(gain: Gain) -> str:
    return f"{max(gain.share, 0.0):.1%}"
