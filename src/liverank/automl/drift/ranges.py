"""Columns whose later values lie outside of what their past had: numbers that count on, new levels.

Only inputs are read, no targets.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.automl.drift.origin_rows import OriginRows
from liverank.automl.evaluation.table_data import TableData

NAMED_FROM = 0.2
"""Share of the newest block's values outside of the range from which a column is named."""


def shares_outside(origins: Sequence[OriginRows], data: TableData) -> dict[str, list[float]]:
    """By column, the share of each block's values that are outside of the rows before it.

    Only columns that are outside in at least a fifth of the newest block; NaN where a block has no
    values of a column.
    """
    shares = {}
    for form in data.inputs:
        if form.type not in ("number", "category") or form.name == data.time:
            continue
        values = data.columns[form.name]
        each = [_outside(values[o.train_numbers], values[o.later_numbers]) for o in origins]
        if each[-1] >= NAMED_FROM:
            shares[form.name] = each
    return shares


def _outside(past: NDArray[np.generic], later: NDArray[np.generic]) -> float:
    if past.dtype == np.object_:
        is_known = np.array([level is not None for level in later], np.bool_)
        seen = set(past.tolist())
        outside = np.array([level not in seen for level in later], np.bool_)
        return float(outside[is_known].mean()) if is_known.any() else float("nan")
    past, later = (side[~np.isnan(side.astype(np.float64))] for side in (past, later))
    if len(past) == 0 or len(later) == 0:
        return float("nan")
    return float(((later < past.min()) | (later > past.max())).mean())
