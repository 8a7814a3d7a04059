"""How long something has not happened, in events that were expected meanwhile.

A gap is measured by what was expected in it, so that nights are short. It is too long if it is
``TIMES`` as long as the longest of the past, and ``LEAST`` events at least. False alarms: with
exponential gaps, n of them in the past, the chance that one of m later gaps is 2.5 times as long
as the longest of n is m * n**-2.5 * Gamma(3.5) (the expectation of exp(-2.5 M), M the maximum):
1e-4 a week for n = 2 m = 336, and e**-15 of each gap where the floor decides.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.monitoring.counts.hours import Series

TIMES = 2.5
LEAST = 15.0
LEAST_HOURS = 2
_LEAST_BUSY_HOURS = 24


def long_gap(
    count: Series, expected: Series, is_odd: NDArray[np.bool_]
) -> tuple[int, float] | None:
    """The hours since the last event and what was expected in them, if that is too long; or None.

    ``count`` and ``expected`` are float64[hours], oldest first; an unknown expectation is NaN.

    >>> count = np.ones(200) * 20
    >>> count[-3:] = 0
    >>> long_gap(count, np.full(200, 20.0), np.zeros(200, bool))
    (3, 60.0)
    """
    happened = np.flatnonzero(count > 0)
    if len(happened) < _LEAST_BUSY_HOURS:
        return None
    hours = len(count) - 1 - int(happened[-1])
    known = np.nan_to_num(expected, nan=0.0)
    gap = float(known[len(count) - hours :].sum())
    if hours < LEAST_HOURS or gap < LEAST:
        return None
    counted = np.where(is_odd, 0.0, known)
    sums = np.concatenate([[0.0], np.cumsum(counted)])
    longest = float((sums[happened[1:]] - sums[happened[:-1] + 1]).max())
    return (hours, gap) if gap >= TIMES * longest else None
