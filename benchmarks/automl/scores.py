"""How good answers are, by plain formulas that are the same for every system.

Invariant: only the runner scores; a system's own figures are told beside these, never instead.
"""

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-6
"""A probability is taken to be this at least, so that one rash answer does not decide a table."""
LARGER_IS_BETTER = frozenset({"auc", "auc_pr", "accuracy", "r2"})


def score(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """Figures of answers; the first is the loss by which systems are compared.

    ``answers`` are float64[n, k] of classes' probabilities, or float64[n] of values; ``truth`` is
    float64[n], the class by number or the value. Raises ValueError for answers that are not
    finite or not as many as the rows.

    >>> sure = score(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.0, 1.0]))
    >>> round(sure["log_loss"], 4), sure["auc"]
    (0.1643, 1.0)
    """
    if len(answers) != len(truth) or not np.isfinite(answers).all():
        raise ValueError(
            f"{len(answers)} answers for {len(truth)} rows, "
            f"{int((~np.isfinite(answers)).sum())} of their numbers not finite"
        )
    if answers.ndim == 1:
        return _of_values(answers, truth)
    actual = truth.astype(np.int64)
    shares = np.clip(answers, LEAST, None)
    shares = shares / shares.sum(axis=1, keepdims=True)
    figures = {"log_loss": float(-np.log(shares[np.arange(len(actual)), actual]).mean())}
    if answers.shape[1] == 2:
        figures["auc"] = auc(answers[:, 1], actual == 1)
        figures["auc_pr"] = auc_pr(answers[:, 1], actual == 1)
    else:
        each = [
            auc(answers[:, place], actual == place)
            for place in range(answers.shape[1])
            if 0 < (actual == place).sum() < len(actual)
        ]
        figures["auc"] = float(np.mean(each))
    figures["accuracy"] = float((answers.argmax(axis=1) == actual).mean())
    return figures


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive row stands above a negative one, ties half; NaN without both.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    _, codes, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    positives = int(positive.sum())
    pairs = positives * (len(positive) - positives)
    if pairs == 0:
        return float("nan")
    below = mean_rank[codes][positive].sum() - positives * (positives + 1) / 2
    return float(below / pairs)


def auc_pr(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Average precision: at each threshold precision times the rise of recall.

    >>> auc_pr(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])).__round__(4)
    0.8333
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    rises = np.diff(hits[last], prepend=0)
    return float((hits[last] / (last + 1) * rises).sum() / max(hits[-1], 1))


def _of_values(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    missed = answers - truth
    spread = ((truth - truth.mean()) ** 2).sum()
    return {
        "rmse": float(np.sqrt((missed**2).mean())),
        "mae": float(np.abs(missed).mean()),
        "r2": float(1 - (missed**2).sum() / spread) if spread > 0 else float("nan"),
    }
