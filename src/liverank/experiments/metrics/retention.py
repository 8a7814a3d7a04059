"""Retention: the share of units that returned within a window after their exposure."""

import msgspec
import numpy as np

from liverank.experiments.metrics.metric import Direction, Floats, PerUnit, Summary
from liverank.experiments.metrics.need import Need, View
from liverank.experiments.metrics.words import interactions, span
from liverank.experiments.statistics.comparison import Comparison, compare_means
from liverank.experiments.statistics.moments import Moments


class Retention(msgspec.Struct, frozen=True):
    """The share of units with an interaction in a window after their exposure.

    A unit is counted once the window is over: before, it may still return.
    """

    name: str
    from_ms: int
    to_ms: int
    types: tuple[str, ...] = ()
    direction: Direction = "up"
    adjustable: bool = True
    daily: bool = False

    def needs(self) -> tuple[Need, ...]:
        """One need: the number of interactions in the window."""
        return (Need(self.types, self.to_ms, after_ms=self.from_ms),)

    def per_unit(self, view: View) -> PerUnit:
        """1 for a unit that returned, else 0."""
        came = (view.total(self.needs()[0]) > 0).astype(np.float64)
        return PerUnit((came,), view.over(self.to_ms))

    def summarise(self, columns: Floats) -> Summary:
        """The moments of the values and covariates."""
        return Moments.of(columns)

    def compare(self, control: Summary, variant: Summary, *, level: float) -> Comparison:
        """Compare the arms' means of 0 and 1."""
        assert isinstance(control, Moments)
        assert isinstance(variant, Moments)
        return compare_means(control, variant, level=level)

    @property
    def description(self) -> str:
        """How the metric is computed."""
        return (
            f"Share of units with at least one {interactions(self.types)} from "
            f"{span(self.from_ms)} to {span(self.to_ms)} after exposure; a unit is counted once "
            "this time is over."
        )
