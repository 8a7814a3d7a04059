"""Mean number of interactions, or mean value, per unit."""

import msgspec
import numpy as np

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit, Summary
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import amount, span
from liverank.experiments.statistics.comparison import Comparison, compare_means
from liverank.experiments.statistics.moments import Moments


class MeanMetric(msgspec.Struct, frozen=True):
    """Interactions (or the sum of their values) per exposed unit, at most ``cap`` each."""

    name: str
    interaction: str
    window_ms: int
    value: bool = False
    cap: float | None = None
    direction: Direction = "up"
    adjustable: bool = True
    daily: bool = True

    def needs(self) -> tuple[Need, ...]:
        """One need: the count or the sum."""
        return (Need((self.interaction,), self.window_ms, of="value" if self.value else "count"),)

    def per_unit(self, view: View) -> PerUnit:
        """The total of each unit, capped."""
        total = view.total(self.needs()[0])
        return PerUnit((total if self.cap is None else np.minimum(total, self.cap),))

    def summarise(self, columns: Floats) -> Summary:
        """The moments of the values and covariates."""
        return Moments.of(columns)

    def compare(self, control: Summary, variant: Summary, *, level: float) -> Comparison:
        """Compare the arms' means."""
        assert isinstance(control, Moments)
        assert isinstance(variant, Moments)
        return compare_means(control, variant, level=level)

    @property
    def description(self) -> str:
        """How the metric is computed."""
        what = amount(self.interaction, of_values=self.value)
        capped = "" if self.cap is None else f", at most {self.cap:g} each"
        return (
            f"Mean {what} per exposed unit in the {span(self.window_ms)} after exposure{capped}; "
            "units with none count as 0."
        )
