"""Adds a metric's values before the exposure as covariates to its columns.

A unit without any event before its exposure has no pre-period: its covariate is unknown. A unit
that was in the log but inactive has zero instead.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.metrics.metric import Floats, PerUnit
from liverank.experiments.statistics.cuped import covariate_columns


def with_covariates(now: PerUnit, before: PerUnit | None, is_new: NDArray[np.bool_]) -> Floats:
    """Columns for ``Metric.summarise``, ``float64[n, k]``, each contiguous in memory.

    >>> now, before = PerUnit((np.array([1.0, 2.0]),)), PerUnit((np.array([5.0, 0.0]),))
    >>> with_covariates(now, before, np.array([False, True]))
    array([[1., 5., 1.],
           [2., 0., 0.]])
    """
    columns = list(now.values)
    if before is not None and len(now.values) == 2:
        columns += [np.where(is_new, 0.0, column) for column in before.values]
    elif before is not None:
        known = np.where(is_new, np.nan, before.values[0])
        columns += list(covariate_columns(known).T)
    return np.stack(columns).T
