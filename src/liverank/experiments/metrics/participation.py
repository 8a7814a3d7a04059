"""Participation: the share of days on which units were active."""

import msgspec

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit, Summary
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import interactions, span
from liverank.experiments.statistics.comparison import Comparison, compare_ratios
from liverank.experiments.statistics.moments import Moments


class Participation(msgspec.Struct, frozen=True):
    """Active days divided by days in the experiment, over all exposed units: "daily active".

    A day is 24 hours, counted from the unit's exposure. Only completed days count, in numerator
    and denominator, so a unit exposed yesterday contributes one day. Once all windows are over,
    it is the mean share of active days per unit.
    """

    name: str
    window_ms: int
    types: tuple[str, ...] = ()
    direction: Direction = "up"
    adjustable: bool = True
    daily: bool = True

    def needs(self) -> tuple[Need, ...]:
        """One need: the number of days with an interaction."""
        return (Need(self.types, self.window_ms, of="days"),)

    def per_unit(self, view: View) -> PerUnit:
        """The active days and all days of each unit."""
        days = view.days(self.window_ms)
        return PerUnit((view.total(self.needs()[0]), days), days > 0)

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
        return (
            f"Share of days with at least one {interactions(self.types)}, of all whole days of "
            f"all exposed units in the {span(self.window_ms)} after exposure; ratio of sums, "
            "delta method over units."
        )
