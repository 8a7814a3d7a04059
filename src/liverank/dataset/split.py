"""Splits by time, because a served model always ranks later lists than it was trained on.

Rows are in time order, so a part of them is a slice, which copies nothing.
Invariant: a ranking is never divided.
"""

import numpy as np

from liverank.dataset.rows import Rows, list_offsets
from liverank.errors import DatasetError


def newest_from(rows: Rows, share: float) -> int:
    """The row at which the newest share of the rows begins: the first one of a ranking.

    As near to the share as rankings allow; with two rankings or more neither part is empty, with
    fewer there is no newer part. Raises DatasetError when the share is not between 0 and 1.

    >>> rows = Rows(
    ...     features=np.zeros((4, 0), np.float32),
    ...     labels=np.zeros(4, np.uint8),
    ...     rankings=np.array([1, 2, 2, 3]),
    ...     at_ms=np.array([5, 6, 6, 9]),
    ...     names=(),
    ... )
    >>> newest_from(rows, 0.25), newest_from(rows, 0.45)
    (3, 3)
    """
    if not 0 < share < 1:
        raise DatasetError(f"the newest share is {share}; expected a number between 0 and 1")
    cuts = list_offsets(rows.rankings)[1:-1]
    if len(cuts) == 0:
        return len(rows)
    return int(cuts[np.argmin(np.abs(cuts - len(rows) * (1 - share)))])


def known_before(rows: Rows, row: int, gap_ms: float) -> int:
    """Number of oldest rows that are more than ``gap_ms`` older than a row, in whole rankings.

    Their labels were known by the row's time, if a label is known after the gap.

    >>> rows = Rows(
    ...     features=np.zeros((4, 0), np.float32),
    ...     labels=np.zeros(4, np.uint8),
    ...     rankings=np.array([1, 2, 2, 3]),
    ...     at_ms=np.array([5, 6, 6, 9]),
    ...     names=(),
    ... )
    >>> known_before(rows, 3, gap_ms=3), known_before(rows, 3, gap_ms=2)
    (1, 3)
    """
    if gap_ms <= 0:
        return row
    offsets = list_offsets(rows.rankings)
    over = int(np.searchsorted(rows.at_ms, rows.at_ms[row] - gap_ms))
    return int(offsets[np.searchsorted(offsets, over, side="right") - 1])
