"""Calibration of margins: a slope and an offset, or isotonic steps where there are many rows.

Invariant: it is fitted on the validation rows, and kept only where the loss of the holdout rows,
which are later where rows have a time, falls by more than noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.bootstrap import gain_interval
from liverank.models.calibrator import Calibrator

Floats = NDArray[np.float64]

ROWS_FOR_STEPS = 5000
"""Fewest rows of the rarer class for which isotonic calibration is tried."""
_LEAST_SLOPE, _MOST_SLOPE = 0.05, 5.0
_CONFIDENCE = 0.7


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The calibrator that was kept, its kind, and its gain on the holdout rows."""

    calibrator: Calibrator
    kind: str
    """``none``, ``affine`` or ``steps``."""
    gain: tuple[float, float]
    """Interval of how much the loss of the holdout rows fell, or that of the blocks."""
    by_block: tuple[tuple[int, Calibrator], ...] = ()
    """Sizes of blocks of validation rows and of the holdout, the oldest first, and for each the
    calibrator that the blocks before it ask for; empty where there is one calibrator for all."""

    def on_holdout(self, margins: Floats) -> Floats:
        """Margins of the holdout rows, float64[n, k], calibrated without their targets if known."""
        return (self.by_block[-1][1] if self.by_block else self.calibrator).apply(margins)

    def on_validation_and_holdout(self, margins: Floats) -> Floats:
        """Margins of validation rows (all, or the newest) and holdout rows, likewise.

        Rows older than all blocks are left as they are, like the oldest block: none asked for more.
        """
        if not self.by_block:
            return self.calibrator.apply(margins)
        end, parts = len(margins), []
        for size, calibrator in reversed(self.by_block):
            parts.append(calibrator.apply(margins[max(end - size, 0) : end]))
            end = max(end - size, 0)
        return np.concatenate([margins[:end], *parts[::-1]])


def choose_calibration(
    validation: Floats,
    validation_rows: EvalRows,
    holdout: Floats,
    holdout_rows: EvalRows,
    *,
    allow_ties: bool = True,
) -> Calibrated:
    """The calibration of margins, float64[n, k], that lowers the holdout loss most, if one does.

    Without ``allow_ties`` isotonic calibration is not tried: it gives the same margin to all rows
    beyond its first and last step.
    """
    kept = Calibrated(Calibrator.none(validation.shape[1]), "none", (0.0, 0.0))
    fitted = {"affine": fit_affine(validation, validation_rows)}
    if allow_ties and _is_rich(validation_rows):
        fitted["steps"] = fit_steps(validation, validation_rows)
    best = holdout_rows.mean_loss(holdout)
    for kind, calibrator in fitted.items():
        after = calibrator.apply(holdout)
        gain = _gain(holdout, after, holdout_rows)
        loss = holdout_rows.mean_loss(after)
        if gain[0] > 0 and loss < best:
            kept, best = Calibrated(calibrator, kind, gain), loss
    return kept


def fit_affine(margins: Floats, rows: EvalRows) -> Calibrator:
    """One slope, and an offset a margin, that lower the mean loss most (Platt, 1999).

    The slope is the same for all classes (temperature; Guo et al., 2017) and stays between 0.05 and
    5, so the order of rows is kept. A penalty with the weight of one row pulls the slope towards 1
    and the offsets towards 0.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> margins = np.array([-2.0, 2.0] * 50)[:, None]
    >>> target = np.array([0.0, 1, 1, 0, 0, 1, 0, 1, 0, 1] * 10)
    >>> rows = EvalRows(target, None, None, find_objective(None, "binary"), "sigmoid")
    >>> round(float(fit_affine(margins, rows).slope[0]) * 2, 1)  # log-odds of 4 in 5 are 1.39
    1.4
    """
    k = margins.shape[1]
    if rows.task == "regression":
        return _straight_line(margins, rows)
    weight = rows.unit_weight
    hits = rows.target[:, None] == (np.arange(k) if k > 1 else 1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        scaled = point[0] * margins + point[1:]
        shares = softmax(scaled, axis=1) if k > 1 else expit(rows.on_base(scaled))
        error = weight[:, None] * (shares - hits)
        penalty = (point[0] - 1) ** 2 + (point[1:] ** 2).sum()
        total = float(weight @ rows.row_losses(scaled)) + penalty / 2
        slope = (error * margins).sum() + point[0] - 1
        return total, np.append(slope, error.sum(axis=0) + point[1:])

    bounds = [(_LEAST_SLOPE, _MOST_SLOPE), *[(None, None)] * k]
    start = np.append(1.0, np.zeros(k))
    point = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibrator(np.full(k, point[0]), point[1:].copy())


def fit_steps(margins: Floats, rows: EvalRows) -> Calibrator:
    """Isotonic regression of a binary target (Zadrozny and Elkan, 2002), as lines between log-odds.

    Each pool of rows is one knot at its mean margin; half a success and half a failure are added
    to it.
    """
    order = np.argsort(margins[:, 0], kind="stable")
    weight = rows.unit_weight
    pools = _pool(margins[order, 0], rows.target[order], weight[order])
    x, hits, total = pools.T
    share = (hits + 0.5) / (total + 1)
    knots = x / total
    levels = np.maximum.accumulate(np.log(share / (1 - share)))
    distinct = np.append(True, np.diff(knots) > 0)
    return Calibrator(np.ones(1), np.zeros(1), knots[distinct], levels[distinct])


def _pool(x: Floats, target: Floats, weight: Floats) -> Floats:
    """Pools of adjacent violators: weighted sums of x and of the target, and weight, [m, 3]."""
    # Rows are first grouped into runs, so that the loop is over thousands, not millions.
    runs = np.unique(np.linspace(0, len(x), min(len(x), 2000) + 1).astype(np.int64))[:-1]
    cells = np.add.reduceat(np.column_stack([weight * x, weight * target, weight]), runs)
    pools: list[Floats] = []
    for cell in cells[cells[:, 2] > 0]:
        pools.append(cell)
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            last = pools.pop()
            pools[-1] = pools[-1] + last
    return np.array(pools)


def _straight_line(margins: Floats, rows: EvalRows) -> Calibrator:
    target = np.log1p(rows.target) if rows.link == "expm1" else rows.target
    weight = rows.unit_weight
    x, centre = margins[:, 0], np.average(margins[:, 0], weights=weight)
    level = np.average(target, weights=weight)
    spread = float(weight @ (x - centre) ** 2)
    if spread <= 0:
        return Calibrator.none(1)
    slope = float(weight @ ((x - centre) * (target - level))) / spread
    slope = float(np.clip(slope, _LEAST_SLOPE, _MOST_SLOPE))
    return Calibrator(np.array([slope]), np.array([level - slope * centre]))


def _gain(before: Floats, after: Floats, rows: EvalRows) -> tuple[float, float]:
    if rows.objective.is_training_loss:
        return gain_interval(before, after, rows, confidence=_CONFIDENCE)
    # Calibration does not change ranks, so a rank metric cannot show its gain: the mean loss does.
    fall = rows.mean_loss(before) - rows.mean_loss(after)
    return fall, fall


def _is_rich(rows: EvalRows) -> bool:
    if rows.task != "binary" or rows.base is not None:  # steps are fitted without a base
        return False
    hits = int(rows.target.sum())
    return min(hits, len(rows) - hits) >= ROWS_FOR_STEPS
