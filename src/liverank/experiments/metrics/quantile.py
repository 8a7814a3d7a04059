"""Quantile of the units' totals, such as the median or the 99th percentile."""

import msgspec

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit, Summary
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import amount, span
from liverank.experiments.statistics.comparison import Comparison, compare_estimates
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.quantile import quantile_estimate


class QuantileMetric(msgspec.Struct, frozen=True):
    """A quantile, over exposed units, of the unit's sum of values (or count) of an interaction."""

    name: str
    interaction: str
    q: float
    window_ms: int
    value: bool = True
    direction: Direction = "up"
    adjustable: bool = False
    daily: bool = False

    def needs(self) -> tuple[Need, ...]:
        """One need: the sum or the count."""
        return (Need((self.interaction,), self.window_ms, of="value" if self.value else "count"),)

    def per_unit(self, view: View) -> PerUnit:
        """The total of each unit."""
        return PerUnit((view.total(self.needs()[0]),))

    def summarise(self, columns: Floats) -> Summary:
        """The quantile and its standard error."""
        return quantile_estimate(columns[:, 0], self.q)

    def compare(self, control: Summary, variant: Summary, *, level: float) -> Comparison:
        """Compare the arms' quantiles."""
        assert isinstance(control, Estimate)
        assert isinstance(variant, Estimate)
        return compare_estimates(control, variant, level=level)

    @property
    def description(self) -> str:
        """How the metric is computed."""
        what = amount(self.interaction, of_values=self.value)
        return (
            f"The {self.q:g} quantile over exposed units of the {what} in the "
            f"{span(self.window_ms)} after exposure; units with none count as 0."
        )
