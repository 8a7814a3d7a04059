"""The check of the rows that every model reads."""

import numpy as np
from numpy.typing import NDArray

from liverank.errors import ServingError


def check_rows(rows: NDArray[np.float32], n_features: int) -> None:
    """Raise ServingError unless rows are float32[n, n_features], C-contiguous.

    >>> check_rows(np.zeros((2, 3), np.float32), 3)
    >>> check_rows(np.zeros((2, 3)), 3)
    Traceback (most recent call last):
    liverank.errors.ServingError: rows to score are float64[2, 3]; expected float32[n, 3], ...
    """
    if (
        rows.dtype != np.float32
        or rows.ndim != 2
        or rows.shape[1] != n_features
        or not rows.flags.c_contiguous
    ):
        raise ServingError(
            f"rows to score are {rows.dtype}{list(rows.shape)}; "
            f"expected float32[n, {n_features}], laid out row by row"
        )
