"""The contract of a metric: a name, its needs, a value per unit, and a comparison of two arms.

A new kind of metric is one small file with a struct of this contract, and a line in
``from_config``. Invariant: every exposed unit is in the denominator; a unit is left out only until
the metric's window is over, which does not depend on the variant.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.metrics.need import Need, View
from liverank.experiments.statistics.comparison import Comparison
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.moments import Moments

Floats: TypeAlias = NDArray[np.float64]
Summary: TypeAlias = Moments | Estimate
"""An arm's input to a comparison: a few numbers, independent of the number of units."""
Direction: TypeAlias = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class PerUnit:
    """A metric's values for each of n units."""

    values: tuple[Floats, ...]
    """One ``float64[n]``, or the numerator and the denominator of a ratio."""
    counted: NDArray[np.bool_] | None = None
    """Which units are counted so far, ``bool[n]``; None for all."""


class Metric(Protocol):
    """One metric of an experiment."""

    @property
    def name(self) -> str:
        """The name in config and reports."""

    @property
    def direction(self) -> Direction:
        """Whether more is better."""

    @property
    def adjustable(self) -> bool:
        """Whether the same metric before the exposure can serve as a covariate."""

    @property
    def daily(self) -> bool:
        """Whether it can be computed for a single day since the exposure."""

    def needs(self) -> tuple[Need, ...]:
        """The counts and sums that it needs from the log."""

    def per_unit(self, view: View) -> PerUnit:
        """The metric's values, from the totals of a view."""

    @property
    def description(self) -> str:
        """How the metric is computed, as one sentence for a report."""

    def summarise(self, columns: Floats) -> Summary:
        """Summarise one arm, ``float64[n_units, k]``: ``values`` as columns, then covariates."""

    def compare(self, control: Summary, variant: Summary, *, level: float) -> Comparison:
        """Compare two arms at a confidence level."""
