"""A metric without the experiment: its value, and its variance over users."""

import math

import msgspec

from liverank.errors import ExperimentError

DAY_CORRELATION = 0.4
"""Assumed correlation of a user's activity on two days, if there is no log to estimate it."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of one population over the planned window."""

    metric: str
    value: float
    sd: float
    """Standard deviation over users; for a ratio, of its linearised value."""
    saved: float = 0.0
    """Share of the variance that CUPED removes."""

    @property
    def variance(self) -> float:
        """Variance over users, after CUPED."""
        return self.sd**2 * (1 - self.saved)


def participation_sd(share: float, days: int, correlation: float = DAY_CORRELATION) -> float:
    """Standard deviation of a user's share of active days.

    A day is active with probability ``share``, and all pairs of a user's days have the same
    correlation: the variance of their mean is
    share (1 - share) (1 + (days - 1) correlation) / days.

    >>> round(participation_sd(0.2, 28), 4), participation_sd(0.5, 1)
    (0.2597, 0.5)
    """
    if not 0 < share < 1:
        raise ExperimentError(f"a share of active days of {share:g}; expected between 0 and 1")
    if not 0 <= correlation <= 1:
        raise ExperimentError(f"a correlation of {correlation:g}; expected from 0 to 1")
    return math.sqrt(share * (1 - share) * (1 + (days - 1) * correlation) / days)
