"""Converts comparisons to the form of a report."""

from liverank.experiments.reporting.facts import Effect
from liverank.experiments.statistics.comparison import Comparison


def effect_of(comparison: Comparison) -> Effect:
    """A comparison in the form of a report."""
    return Effect(
        control=comparison.control,
        value=comparison.value,
        difference=comparison.difference,
        difference_ci=comparison.difference_ci,
        lift=comparison.lift,
        lift_ci=comparison.lift_ci,
        se=comparison.se,
        n_control=comparison.n_control,
        n_variant=comparison.n_variant,
        reason=comparison.reason,
    )
