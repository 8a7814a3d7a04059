"""Log-loss on margins, the affine calibrator and the greedy blend: what chooses between models.

Margins are log-odds, float64[n]; labels are uint8[n].
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from liverank.dataset.rows import list_offsets

Margins = NDArray[np.float64]
Labels = NDArray[np.uint8]

_LEAST_SLOPE, _MOST_SLOPE = 0.05, 5.0


def row_losses(margins: Margins, labels: Labels) -> NDArray[np.float64]:
    """Log-loss of each row, ln(1 + exp(m)) - y m: float64[n].

    >>> row_losses(np.array([0.0, 800.0]), np.array([1, 1], np.uint8)).round(4).tolist()
    [0.6931, 0.0]
    """
    return np.logaddexp(0.0, margins) - labels * margins


def margin_log_loss(margins: Margins, labels: Labels) -> float:
    """Mean log-loss; NaN for no rows."""
    return float(row_losses(margins, labels).mean()) if len(labels) else float("nan")


def log_odds(labels: Labels) -> float:
    """Log-odds of the share of successes, with half a success and half a failure added.

    >>> round(log_odds(np.array([1, 0, 0, 0], np.uint8)), 3)
    -0.847
    """
    positives = float(labels.sum(dtype=np.int64))
    return float(np.log((positives + 0.5) / (len(labels) - positives + 0.5)))


def fit_calibration(margins: Margins, labels: Labels) -> tuple[float, float]:
    """Slope and offset that lower the log-loss of ``slope x margin + offset`` most (Platt, 1999).

    The slope stays within 0.05 and 5, so that an order is never lost. A penalty of one row's
    weight holds both near 1 and 0 when there is little to go by.

    >>> margins = np.array([-2.0, 2.0] * 50)
    >>> labels = np.array([0, 1, 1, 0, 0, 1, 0, 1, 0, 1] * 10, np.uint8)
    >>> slope, offset = fit_calibration(margins, labels)  # four of five come true: log-odds 1.39
    >>> round(slope * 2, 1), abs(offset) < 0.01
    (1.4, True)
    """

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, offset = point
        scaled = slope * margins + offset
        error = 1 / (1 + np.exp(-np.clip(scaled, -500, 500))) - labels
        penalty = (slope - 1) ** 2 + offset**2
        total = row_losses(scaled, labels).sum() + penalty / 2
        gradient = np.array([error @ margins + slope - 1, error.sum() + offset])
        return total, gradient

    bounds = [(_LEAST_SLOPE, _MOST_SLOPE), (None, None)]
    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])


def greedy_blend(
    margins: Sequence[Margins], labels: Labels, *, steps: int = 20
) -> NDArray[np.float64]:
    """Weights, float64[n_models] that sum to 1, of a blend of margins with a low log-loss.

    Models are added one at a time, with replacement, each time the one that helps most (Caruana
    et al., 2004); the best blend on the way is returned, so it never loses to the best single one.

    >>> labels = np.array([1, 0], np.uint8)
    >>> greedy_blend([np.array([1.0, 2.0]), np.array([2.0, 1.0])], labels).tolist()
    [0.0, 1.0]
    """
    counts = np.zeros(len(margins))
    total = np.zeros(len(labels))
    best_loss, best_counts = np.inf, counts
    for step in range(1, steps + 1):
        losses = [margin_log_loss((total + margin) / step, labels) for margin in margins]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total += margins[chosen]
        if losses[chosen] < best_loss - 1e-9:
            best_loss, best_counts = losses[chosen], counts.copy()
    weights: NDArray[np.float64] = best_counts / best_counts.sum()
    return weights


def gain_in_errors(
    before: Margins, after: Margins, labels: Labels, rankings: NDArray[np.int64]
) -> float:
    """How many standard errors the mean log-loss falls by; the unit of noise is a ranking.

    >>> margins = np.array([0.0, 0.0])
    >>> gain_in_errors(margins, margins, np.array([0, 1], np.uint8), np.array([1, 2]))
    0.0
    """
    gains = row_losses(before, labels) - row_losses(after, labels)
    starts = list_offsets(rankings)[:-1]
    mean = gains.mean()
    # Deviations are summed within a ranking, because its rows are alike.
    sums = np.add.reduceat(gains - mean, starts)
    error = np.sqrt((sums**2).sum()) / len(gains)
    return float(mean / error) if error > 0 else 0.0
