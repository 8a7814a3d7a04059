"""Bootstrap intervals of the metrics of a model, and of the gain of one model over another.

Rows of one group are drawn together (the cluster bootstrap of ``liverank.dataset.bootstrap``), so
that dependent rows do not make an interval too narrow. Without groups each row is its own group.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.evidence import Evidence
from liverank.automl.metrics.figures import METRICS
from liverank.dataset.bootstrap import Clusters, mean_interval, percentile_interval

Floats = NDArray[np.float64]

_MOST_DRAWS = 200
_LEAST_DRAWS = 20
_LEAST_UNITS = 1.5
"""Fewest rows or groups, by weight, that an interval may hang on."""
_LOSS_DRAWS, _METRIC_DRAWS = 400, 200
"""Draws for the gain of a loss, and of a metric that must be computed for each draw."""


def figure_intervals(
    margins: Floats, rows: EvalRows, *, seed: int, deadline: Deadline
) -> dict[str, tuple[float, float]]:
    """95 % intervals of figures, from the standard deviation over bootstrap draws (Efron, 1979).

    Its factor is that of Student's t for the number of rows (or groups) that the figure hangs on:
    1.96 for many, 12.7 for two. AUC, average precision and accuracy are never given narrower
    intervals than the formulas of ``liverank.automl.metrics.intervals``. ``margins`` are
    float64[n, k]. A figure is missing where it hangs on a single row and has no formula, where
    there was time for fewer than 20 draws, or where too few draws define it.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> target = np.arange(400) % 4.0
    >>> rows = EvalRows(target, None, None, find_objective("mae", "regression"), "identity")
    >>> deadline = Deadline(1.0, lambda: 0.0)
    >>> low, high = figure_intervals(np.zeros((400, 1)), rows, seed=0, deadline=deadline)["mae"]
    >>> round(low, 1), round(high, 1)
    (1.4, 1.6)
    """
    figures = rows.figures(margins)
    drawn = _drawn_figures(margins, rows, seed=seed, deadline=deadline)
    evidence = Evidence.of(margins, rows)
    intervals = {}
    for name, values in zip(figures, zip(*drawn, strict=True), strict=False):
        known = [value for value in values if np.isfinite(value)]
        units, figure = evidence.units(name), figures[name]
        if len(known) >= _LEAST_DRAWS and np.isfinite(figure):
            low, high = evidence.by_formula(name, figure)
            if units >= _LEAST_UNITS:
                half = float(stdtrit(units - 1, 0.975)) * float(np.std(known, ddof=1))
                low, high = min(low, figure - half), max(high, figure + half)
            if low < high or units >= _LEAST_UNITS:
                least, most = METRICS[name.partition("=")[0]].bounds
                intervals[name] = max(low, least), min(high, most)
    return intervals


def gain_interval(
    before: Floats, after: Floats, rows: EvalRows, *, seed: int = 0, confidence: float = 0.9
) -> tuple[float, float]:
    """Interval of the fall of the loss from one to the other, by a bootstrap over groups.

    ``before`` and ``after`` are margins, float64[n, k]. The method is the percentile bootstrap
    (Efron, 1979). The loss is the mean loss of rows for log-loss and squared error, else the
    objective itself.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> rows = EvalRows(np.array([0.0, 1.0]), None, None, find_objective(None, "binary"), "sigmoid")
    >>> gain_interval(np.zeros((2, 1)), np.zeros((2, 1)), rows)
    (0.0, 0.0)
    """
    clusters = _clusters(rows)
    if rows.objective.is_training_loss:
        return mean_interval(
            rows.row_losses(before) - rows.row_losses(after),
            clusters,
            weights=rows.weight,
            draws=_LOSS_DRAWS,
            seed=seed,
            confidence=confidence,
        )
    if clusters.count == 0:
        return float("nan"), float("nan")
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    own_scale = rows.own_scale(before), rows.own_scale(after)
    gains = np.empty(_METRIC_DRAWS)
    for draw, times in zip(range(_METRIC_DRAWS), clusters.draws(seed), strict=False):
        drawn = weight * times[clusters.of_row]
        losses = [rows.objective.loss(margins, rows.target, drawn) for margins in own_scale]
        gains[draw] = losses[0] - losses[1] if np.isfinite(losses).all() else 0.0
    return percentile_interval(gains, confidence)


def _drawn_figures(
    margins: Floats, rows: EvalRows, *, seed: int, deadline: Deadline
) -> list[list[float]]:
    """The figures of each draw, as many as there is time for."""
    clusters = _clusters(rows)
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    drawn: list[list[float]] = []
    if clusters.count < 2:
        return drawn
    for times in clusters.draws(seed):
        if len(drawn) == _MOST_DRAWS or deadline.expired():
            break
        weights = weight * times[clusters.of_row]
        chosen = np.flatnonzero(weights)
        if len(chosen):
            some = replace(rows.take(chosen), weight=weights[chosen])
            drawn.append(list(some.figures(margins[chosen]).values()))
    return drawn


def _clusters(rows: EvalRows) -> Clusters:
    return Clusters(np.arange(len(rows)) if rows.groups is None else rows.groups)
