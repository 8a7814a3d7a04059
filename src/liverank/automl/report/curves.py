"""The points of the curves of a report: predictions against outcomes.

Invariant: a curve has few points however many rows there are, and its end points are exact.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.automl.metrics.figures import ranking_curve
from liverank.automl.metrics.intervals import Z95, wilson
from liverank.automl.report.schema import Bin, Curves, Histogram, Line
from liverank.dataset.sampling import evenly_spread_rows

Floats = NDArray[np.float64]

_POINTS = 200
_BINS = 10
_MOST_DOTS = 600
_MOST_LINES = 8
"""Largest number of classes with a curve: those with the most rows."""


def draw_curves(
    answers: Floats,
    target: Floats,
    weight: Floats | None = None,
    *,
    task: Task,
    classes: tuple[str, ...] = (),
) -> Curves:
    """The curves of ``answers``: probabilities float64[n], or [n, k] of k classes, or values.

    ``target`` is float64[n]: 0 or 1, the class by number, or the value.

    >>> curves = draw_curves(np.array([0.1, 0.9]), np.array([0.0, 1.0]), task="binary")
    >>> curves.roc[0].x, curves.roc[0].y
    ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0))
    """
    even = np.ones(len(target)) if weight is None else weight
    if len(target) == 0:
        return Curves()
    if task == "regression":
        return Curves(
            calibration=_bins(answers, target, even),
            scatter=_dots(answers, target),
            residuals=_histogram(target - answers, even),
        )
    if task == "binary":
        named = [(classes[1] if classes else "positive", answers, target)]
        called, right = answers, target
        table = _confusion((answers > 0.5).astype(np.float64), target, even, 2)
    else:
        common = np.argsort(-np.bincount(target.astype(np.int64), even, answers.shape[1]))
        named = [
            (classes[k] if classes else str(k), answers[:, k], (target == k) * 1.0)
            for k in sorted(common[:_MOST_LINES].tolist())
        ]
        best = answers.argmax(axis=1)
        called, right = answers.max(axis=1), (best == target) * 1.0
        table = _confusion(best.astype(np.float64), target, even, answers.shape[1])
    lines = [(name, *ranking_curve(score, truth, even)) for name, score, truth in named]
    lines = [line for line in lines if line[1][-1] > 0 and line[2][-1] > 0]
    return Curves(
        roc=tuple(_line(name, fp / fp[-1], tp / tp[-1]) for name, tp, fp in lines),
        pr=tuple(
            _line(name, (tp / tp[-1])[1:], (tp / np.maximum(tp + fp, 1e-300))[1:])
            for name, tp, fp in lines
        ),
        gains=tuple(
            _line(name, (tp + fp) / (tp[-1] + fp[-1]), tp / tp[-1]) for name, tp, fp in lines
        ),
        calibration=_bins(called, right, even, shares=True),
        confusion=tuple(tuple(row) for row in table.tolist()),
    )


def _line(name: str, x: Floats, y: Floats) -> Line:
    """Points evenly spaced along the length of the curve, so that steep parts keep some."""
    if len(x) > _POINTS:
        length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        wanted = np.linspace(0, length[-1], _POINTS)
        kept = np.unique(np.searchsorted(length, wanted).clip(0, len(x) - 1))
        kept = np.unique(np.concatenate([[0], kept, [len(x) - 1]]))
        x, y = x[kept], y[kept]
    return Line(name=name, x=_short(x), y=_short(y))


def _bins(
    predicted: Floats, observed: Floats, weight: Floats, *, shares: bool = False
) -> tuple[Bin, ...]:
    """Ten bins with equal numbers of rows, with Wilson's interval for shares, else the mean's."""
    order = np.argsort(predicted, kind="stable")
    bins = []
    for rows in np.array_split(order, min(_BINS, len(order))):
        w = weight[rows]
        if w.sum() == 0:
            continue
        mean = float(np.average(observed[rows], weights=w))
        n = float(w.sum() ** 2 / (w**2).sum())
        if shares:
            low, high = wilson(mean, n)
        else:
            error = float(np.average((observed[rows] - mean) ** 2, weights=w) / max(n - 1, 1))
            low, high = mean - Z95 * error**0.5, mean + Z95 * error**0.5
        middle = float(np.average(predicted[rows], weights=w))
        bins.append(Bin(predicted=middle, observed=mean, low=low, high=high, rows=len(rows)))
    return tuple(bins)


def _confusion(called: Floats, target: Floats, weight: Floats, k: int) -> Floats:
    cells = (target * k + called).astype(np.int64)
    return np.bincount(cells, weight, k * k).reshape(k, k).astype(np.float64)


def _dots(predicted: Floats, actual: Floats) -> Line:
    """Some rows, evenly spread over the predictions."""
    order = np.argsort(predicted, kind="stable")
    wanted = evenly_spread_rows(len(order), _MOST_DOTS)
    rows = order[wanted]
    return Line(name="rows", x=_short(predicted[rows]), y=_short(actual[rows]))


def _histogram(values: Floats, weight: Floats) -> Histogram:
    """Thirty bins over the middle 99 % of the values; values outside count in the end bins."""
    low, high = np.quantile(values, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values.clip(low, high), bins=30, range=(low, high), weights=weight)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _short(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.5g}") for value in values.tolist())
