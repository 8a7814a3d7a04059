"""Selects evenly spaced rows of a table, without randomness."""

import numpy as np
from numpy.typing import NDArray


def evenly_spread_rows(n_rows: int, wanted: int, *, floor: bool = False) -> NDArray[np.int64]:
    """Row numbers of at most ``wanted`` of ``n_rows`` rows, including the first and the last.

    Positions between two rows are rounded to the nearest one, or down with ``floor``: recorded
    models depend on which.

    >>> evenly_spread_rows(10, 4).tolist(), evenly_spread_rows(8, 3, floor=True).tolist()
    ([0, 3, 6, 9], [0, 3, 7])
    """
    positions = np.linspace(0, n_rows - 1, min(wanted, n_rows))
    return (positions if floor else positions.round()).astype(np.int64)
