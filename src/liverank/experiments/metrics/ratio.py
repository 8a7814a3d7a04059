"""Ratio of one kind of interaction to another, such as joins per impression."""

import msgspec
import numpy as np

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit, Summary
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import amount, interactions, span
from liverank.experiments.statistics.comparison import Comparison, compare_ratios
from liverank.experiments.statistics.moments import Moments


class RatioMetric(msgspec.Struct, frozen=True):
    """The sum of one count over all units divided by the sum of another; clustered by unit.

    ``cap`` is the maximum that a unit adds to the numerator.
    """

    name: str
    numerator: str
    denominator: str
    window_ms: int
    value: bool = False
    cap: float | None = None
    direction: Direction = "up"
    adjustable: bool = True
    daily: bool = True

    def needs(self) -> tuple[Need, ...]:
        """Both counts; with ``value`` the numerator is a sum of values."""
        above = Need((self.numerator,), self.window_ms, of="value" if self.value else "count")
        return above, Need((self.denominator,), self.window_ms)

    def per_unit(self, view: View) -> PerUnit:
        """The numerator and the denominator of each unit."""
        above, below = (view.total(need) for need in self.needs())
        return PerUnit((above if self.cap is None else np.minimum(above, self.cap), below))

    def summarise(self, columns: Floats) -> Summary:
        """The moments of the values and covariates."""
        return Moments.of(columns)

    def compare(self, control: Summary, variant: Summary, *, level: float) -> Comparison:
        """Compare the arms' ratios, clustered by unit."""
        assert isinstance(control, Moments)
        assert isinstance(variant, Moments)
        return compare_ratios(control, variant, level=level)

    @property
    def description(self) -> str:
        """How the metric is computed."""
        above = amount(self.numerator, of_values=self.value)
        capped = "" if self.cap is None else f" (at most {self.cap:g} a unit)"
        return (
            f"The {above}{capped} by the number of {interactions((self.denominator,))} in the "
            f"{span(self.window_ms)} after exposure; ratio of sums, delta method over units."
        )
