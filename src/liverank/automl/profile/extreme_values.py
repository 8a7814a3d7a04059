"""Finds extreme values: numbers too large for float32, and days that stand for an unknown time.

Such days are 1900-01-01 and 9999-12-31, among others.
Invariant: a day is a placeholder only if it is far from all other times of its column.
"""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.profile.column_types import InferredType
from liverank.values.numbers import MOST_NUMBER
from liverank.values.times import moment_of

_DAYS = (
    *("0001-01-01", "1111-11-11", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31"),
    *("1900-01-01", "1901-01-01", "1969-12-31", "1970-01-01", "2099-12-31", "2100-01-01"),
    *("2262-04-11", "2999-12-31", "3000-01-01", "9999-01-01", "9999-12-31"),
)
_LEAST_TIMES = 10
"""Fewest known times of which a day can be far."""
_MOST_PLACEHOLDERS = 20
_DAY_MS = 86_400_000
_FAR_MS = 10 * 365.25 * _DAY_MS
"""Ten years: a placeholder is further from all other times than this, and than they span."""


def without_placeholders(inferred: InferredType, sample: pl.Series) -> InferredType:
    """The type with its placeholders, which are unknown; the same type where there are none."""
    if inferred.form.type != "time":
        return inferred
    times = read_column(sample, inferred.form)
    known = times[~np.isnan(times)]
    days = {moment_of(day, "iso"): day for day in _DAYS}
    others = known[~np.isin(_day_of(known), list(days))]
    if len(others) < _LEAST_TIMES:
        return inferred
    far = max(_FAR_MS, float(np.ptp(others)))
    low, high = float(others.min()) - far, float(others.max()) + far
    outside = np.unique(known[(known < low) | (known > high)])
    found = outside[np.isin(_day_of(outside), list(days))].tolist()
    if len(found) > _MOST_PLACEHOLDERS:  # times of day, of which midnight may be the unknown one
        found = [at for at in found if at in days]
    if not found:
        return inferred
    n = int(np.isin(known, found).sum())
    named = dict.fromkeys(days[at] for at in _day_of(np.array(found)).tolist())
    note = (
        f"{n} of {len(known)} values are {' or '.join(named)}, far from all "
        f"other times, and are treated as unknown; if they are times, say --type {sample.name}=time"
    )
    return inferred._replace(
        form=msgspec.structs.replace(inferred.form, placeholders=tuple(found)),
        oddity=note if inferred.oddity is None else f"{inferred.oddity}; {note}",
    )


def _day_of(at_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The begin of the day of each time: a placeholder may have a time of day, such as 23:59:59."""
    return np.asarray(at_ms // _DAY_MS * _DAY_MS)


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
