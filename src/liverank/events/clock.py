"""The effective times of events: their own times, except where a clock runs far ahead.

Invariant: no effective time is later than the arrival plus the allowed span, so an event with a
wrong clock never overrides later events with right ones.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def right_times(frame: pl.DataFrame, max_future_ms: float) -> tuple[NDArray[np.float64], int]:
    """The effective times of events, and how many clocks ran too far ahead.

    Returns (float64[n] Unix ms, the number of events that were moved). ``frame`` has the columns
    ``time`` and ``arrived`` (``liverank.events.frame.SCHEMA``). An event whose time is more than
    ``max_future_ms`` after its arrival counts at its arrival; one without an arrival (it is not in
    the log yet) at its own time. Events may be any time late.

    >>> from liverank.events.event import User
    >>> from liverank.events.frame import frame_of
    >>> users = [User(time=at_ms, user="u1") for at_ms in (900, 1005, 9000)]
    >>> right_times(frame_of(users, arrived_ms=1000), max_future_ms=10.0)
    (array([ 900., 1005., 1000.]), 1)
    """
    at = frame["time"].cast(pl.Float64).to_numpy()
    arrived = frame["arrived"].cast(pl.Float64).fill_null(np.inf).to_numpy()
    is_ahead = at > arrived + max_future_ms
    return np.where(is_ahead, arrived, at), int(np.count_nonzero(is_ahead))
