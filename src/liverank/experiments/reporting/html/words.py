"""Effects and values as a page and a terminal write them."""

import math
from typing import NamedTuple

from liverank.experiments.analysis.words import number, percent
from liverank.experiments.reporting.facts import Effect


class Shown(NamedTuple):
    """An effect as it is shown: the lift where it is known, else the difference."""

    value: float
    low: float
    high: float
    is_lift: bool

    def text(self, value: float) -> str:
        """A value on its scale."""
        if math.isnan(value):
            return "?"
        return percent(value) if self.is_lift else f"{value:+.4g}"

    @property
    def interval(self) -> str:
        """Both ends, or that it is too early for them."""
        if math.isnan(self.low) or math.isinf(self.low):
            return "no interval yet"
        return f"{self.text(self.low)} to {self.text(self.high)}"


def shown(effect: Effect) -> Shown:
    """The lift with its interval, or the difference with its own.

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
    """A metric's value; shares as they are.

    >>> value_text(0.2134567), value_text(6.5)
    ('0.2135', '6.5')
    """
    return number(value)


def scale_of(effect: Effect) -> float:
    """What a difference is divided by to lie on the scale that is shown."""
    return 1.0 if math.isnan(effect.lift) else effect.control
