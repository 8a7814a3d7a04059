"""Splits by time, because a model is only ever asked about what comes next.

Invariant: a ranking is never divided, and every row of the newer part is at or after every row of
the older part.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.dataset.rows import Rows, list_offsets
from liverank.errors import DatasetError


def newest_block(rows: Rows, share: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Split off the newest share of the rows, by whole rankings.

    Returns two masks, bool[n] each: the older part and the newer part. The cut falls between two
    rankings, as near to the share as they allow; with two rankings or more neither part is empty.
    Raises DatasetError when the share is not between 0 and 1.

    >>> rows = Rows(
    ...     features=np.zeros((4, 0), np.float32),
    ...     labels=np.zeros(4, np.uint8),
    ...     rankings=np.array([1, 2, 2, 3]),
    ...     at_ms=np.array([5, 6, 6, 9]),
    ...     names=(),
    ... )
    >>> newest_block(rows, 0.25)[1].tolist()
    [False, False, False, True]
    """
    if not 0 < share < 1:
        raise DatasetError(f"the newest share is {share}; expected a number between 0 and 1")
    n = len(rows)
    cuts = list_offsets(rows.rankings)[1:-1]
    if len(cuts) == 0:
        return np.ones(n, np.bool_), np.zeros(n, np.bool_)
    cut = cuts[np.argmin(np.abs(cuts - n * (1 - share)))]
    older = np.arange(n) < cut
    return older, ~older
