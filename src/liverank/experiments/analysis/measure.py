"""Compares one metric of a table between two arms.

Invariant: a unit whose value is missing is left out of that metric only; a unit whose covariate is
missing is not left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.analysis.spec import MetricSpec
from liverank.experiments.analysis.units import Units
from liverank.experiments.statistics.comparison import Comparison, compare_columns
from liverank.experiments.statistics.cuped import covariate_columns
from liverank.experiments.statistics.delta_method import Ratio
from liverank.experiments.statistics.moments import Moments
from liverank.experiments.statistics.quantile import compare_quantiles


@dataclass(frozen=True, slots=True)
class Measured:
    """The units with a value of the metric, and the columns to compute it from."""

    spec: MetricSpec
    arm: NDArray[np.int64]
    """``int64[n]``: each unit's arm."""
    columns: NDArray[np.float64]
    """``float64[n, k]``: numerators, denominators and covariates."""
    ratios: Sequence[Ratio]
    """The metric and its covariates as ratios of columns."""
    cluster: NDArray[np.int64] | None

    def compare(self, control: int, variant: int, level: float) -> Comparison:
        """Compare two arms, given by their indices."""
        if self.spec.kind == "quantile":
            arms = [self.columns[self.arm == number, 0] for number in (control, variant)]
            units = None
            if self.cluster is not None:
                units = (
                    self.cluster[self.arm == control],
                    self.cluster[self.arm == variant],
                )
            return compare_quantiles(arms[0], arms[1], self.spec.q, level=level, units=units)
        return compare_columns(
            self._moments(control), self._moments(variant), self.ratios, level=level
        )

    def _moments(self, number: int) -> Moments:
        chosen = self.arm == number
        columns = self.columns[chosen]
        if self.cluster is None:
            return Moments.of(columns)
        _, cluster = np.unique(self.cluster[chosen], return_inverse=True)
        sums = [np.bincount(cluster, weights=columns[:, k]) for k in range(columns.shape[1])]
        return Moments.of(np.column_stack(sums))


def measure(spec: MetricSpec, units: Units) -> Measured:
    """Collect the columns of a metric for the units that have a value."""
    values = np.column_stack([units.columns[name] for name in spec.columns])
    known = ~np.isnan(values).any(axis=1)
    parts = [values[known]]
    # a mean over clusters is a ratio whose denominator counts their units
    ones = None if units.cluster is None else values.shape[1]
    if ones is not None:
        parts.append(np.ones((int(known.sum()), 1)))
    ratios: list[Ratio] = [(0, 1 if spec.kind == "ratio" else ones)]
    for covariate in spec.covariates if spec.kind != "quantile" else ():
        columns = np.column_stack([units.columns[name][known] for name in covariate.columns])
        width = sum(part.shape[1] for part in parts)
        if covariate.kind == "ratio":
            missing = np.isnan(columns).any(axis=1, keepdims=True)
            parts.append(np.where(missing, 0.0, columns))
            ratios.append((width, width + 1))
        else:
            filled = covariate_columns(columns[:, 0])
            parts.append(filled)
            ratios += [(width, ones), (width + 1, ones)]
    cluster = None if units.cluster is None else units.cluster[known]
    return Measured(spec, units.arm[known], np.column_stack(parts), ratios, cluster)
