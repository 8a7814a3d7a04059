"""Quantile: what the heaviest users, or the typical one, have in sum."""

import msgspec

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import interactions, span
from liverank.experiments.statistics.comparison import Comparison
from liverank.experiments.statistics.quantile import compare_quantiles


class QuantileMetric(msgspec.Struct, frozen=True):
    """A quantile, over exposed units, of the unit's sum of values (or count) of an interaction."""

    name: str
    interaction: str
    q: float
    window_ms: int
    value: bool = True
    direction: Direction = "up"
    adjustable: bool = False

    def needs(self) -> tuple[Need, ...]:
        """The sum or count."""
        return (Need((self.interaction,), self.window_ms, of="value" if self.value else "count"),)

    def per_unit(self, view: View) -> PerUnit:
        """The total of each unit."""
        return PerUnit((view.total(self.needs()[0]),))

    def compare(self, control: Floats, variant: Floats, *, level: float) -> Comparison:
        """As quantiles."""
        return compare_quantiles(control[:, 0], variant[:, 0], self.q, level=level)

    def told(self) -> str:
        """How it is computed."""
        what = (
            f"{'sum of values' if self.value else 'number'} of {interactions((self.interaction,))}"
        )
        return (
            f"The {self.q:g} quantile over exposed units of the {what} in the "
            f"{span(self.window_ms)} after exposure; units with none count as 0."
        )
