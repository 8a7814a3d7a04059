"""What a metric is without the experiment: its value, and how much users differ in it."""

import math

import msgspec

from liverank.errors import ExperimentError

DAY_CORRELATION = 0.4
"""Assumed correlation of a user's activity on two days, where there is no log to estimate it."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of one population over the planned window."""

    metric: str
    value: float
    sd: float
    """Standard deviation of one user: of a ratio, of its linearised value."""
    saved: float = 0.0
    """Share of the variance that CUPED takes away."""

    @property
    def variance(self) -> float:
        """Of one user, after CUPED."""
        return self.sd**2 * (1 - self.saved)


def participation_sd(share: float, days: int, correlation: float = DAY_CORRELATION) -> float:
    """Standard deviation of a user's share of active days.

    A day is active with probability ``share``, and any two days of one user are correlated alike:
    share (1 - share) (1 + (days - 1) correlation) / days is the variance of their mean.

    >>> round(participation_sd(0.2, 28), 4), participation_sd(0.5, 1)
    (0.2597, 0.5)
    """
    if not 0 < share < 1:
        raise ExperimentError(f"a share of active days of {share:g}; expected between 0 and 1")
    if not 0 <= correlation <= 1:
        raise ExperimentError(f"a correlation of {correlation:g}; expected from 0 to 1")
    return math.sqrt(share * (1 - share) * (1 + (days - 1) * correlation) / days)
