"""Formats effects and values for the page and the terminal."""

import math
from typing import NamedTuple

from liverank.experiments.analysis.words import number, percent
from liverank.experiments.reporting.facts import Effect


class Shown(NamedTuple):
    """An effect for display: the lift if it is known, else the difference."""

    value: float
    low: float
    high: float
    is_lift: bool

    def text(self, value: float) -> str:
        """A value as text on the displayed scale."""
        if math.isnan(value):
            return "?"
        return percent(value) if self.is_lift else f"{value:+.4g}"

    @property
    def interval(self) -> str:
        """Both ends of the interval, or a note that it is too early for one."""
        if math.isnan(self.low) or math.isinf(self.low):
            return "no interval yet"
        return f"{self.text(self.low)} to {self.text(self.high)}"


def shown(effect: Effect) -> Shown:
    """The lift with its interval, or the difference with its interval.

    >>> from liverank.experiments.statistics.comparison import compare_estimates
    >>> from liverank.experiments.statistics.estimate import Estimate
    >>> from liverank.experiments.reporting.effects import effect_of
    >>> arms = compare_estimates(Estimate(0.2, 1e-6, 9000), Estimate(0.21, 1e-6, 9000))
    >>> shown(effect_of(arms)).interval
    '+3.59 % to +6.43 %'
    """
    if math.isnan(effect.lift):
        return Shown(effect.difference, *effect.difference_ci, is_lift=False)
    return Shown(effect.lift, *effect.lift_ci, is_lift=True)


def value_text(value: float) -> str:
    """A metric's value as text; a share is not converted to percent.

    >>> value_text(0.2134567), value_text(6.5)
    ('0.2135', '6.5')
    """
    return number(value)


def scale_of(effect: Effect) -> float:
    """The divisor that converts a difference to the displayed scale."""
    return 1.0 if math.isnan(effect.lift) else effect.control
