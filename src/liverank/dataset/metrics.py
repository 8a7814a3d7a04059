"""Metrics of scores: over all rows, and over the lists that users saw.

Inputs are flat arrays with one entry per row; ``offsets`` (int64[n_lists + 1]) are the bounds of
the lists. Metrics of lists return one value per list, NaN where the list is uninformative (no
success, or only successes), so that the caller may average them or compare methods list by list.
Invariant: no metric depends on the order of tied rows. Ties count one half in an AUC; a rank among
ties is drawn by a fixed pseudo-random order.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from liverank.dataset.metrics_kernel import list_auc_kernel, ranks_kernel
from liverank.errors import DatasetError

Labels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


def log_loss(probabilities: Floats, labels: Labels) -> float:
    """Mean negative log-probability of the outcome; 0 is perfect. NaN without rows.

    Probabilities are clipped to 1e-15 from 0 and 1, so that one certain error is not infinite.

    >>> round(log_loss(np.array([0.5, 0.75]), np.array([1, 1], np.uint8)), 4)
    0.4904
    """
    _check(probabilities, labels)
    if len(labels) == 0:
        return float("nan")
    p = np.clip(probabilities, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))))


def auc(scores: Floats, labels: Labels) -> float:
    """The probability that a random success scores above a random failure. NaN for one class.

    >>> auc(np.array([0.1, 0.9, 0.9]), np.array([0, 1, 0], np.uint8))
    0.75
    """
    _check(scores, labels)
    return float(list_auc_kernel(scores, labels, np.array([0, len(labels)]))[0])


def list_auc(scores: Floats, labels: Labels, offsets: Offsets) -> Floats:
    """AUC within each list: float64[n_lists], NaN for lists of one class.

    >>> list_auc(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1], np.uint8), np.array([0, 2, 3]))
    array([ 1., nan])
    """
    _check(scores, labels, offsets)
    return list_auc_kernel(scores, labels, offsets)


def ndcg_at(k: int, scores: Floats, labels: Labels, offsets: Offsets, *, seed: int = 0) -> Floats:
    """NDCG of the first k of each list: float64[n_lists], NaN for lists without a success.

    A success at rank r gains 1 / log2(r + 1); the sum is divided by that of the best order
    (Jarvelin and Kekalainen, 2002).

    >>> ndcg_at(10, np.array([2.0, 1.0]), np.array([0, 1], np.uint8), np.array([0, 2])).round(4)
    array([0.6309])
    """
    _check(scores, labels, offsets)
    ranks, lists, successes = _successes(scores, labels, offsets, seed)
    gains = np.where(ranks <= k, 1 / np.log2(ranks + 1.0), 0.0)
    gained = np.bincount(lists, weights=gains, minlength=len(successes)).astype(np.float64)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2.0, k + 2)))])
    return np.where(successes > 0, gained / best[np.clip(successes, 1, k)], np.nan)


def true_ndcg_at(k: int, scores: Floats, gains: Floats, offsets: Offsets) -> Floats:
    """NDCG of the first k of each list, where an item gains its true chance of a success.

    float64[n_lists]; NaN for a list without gains. Unlike observed labels, the truth has no
    position bias; only a simulator has it. Equal scores stay in the order of the list.

    >>> true_ndcg_at(10, np.array([2.0, 1.0]), np.array([0.0, 0.4]), np.array([0, 2])).round(4)
    array([0.6309])
    """
    discounts = 1 / np.log2(np.arange(2.0, k + 2))
    found = np.full(len(offsets) - 1, np.nan)
    for number, (start, stop) in enumerate(pairwise(offsets.tolist())):
        its_gains, first = gains[start:stop], min(stop - start, k)
        order = np.argsort(-scores[start:stop], kind="stable")[:first]
        most = np.sort(its_gains)[::-1][:first] @ discounts[:first]
        if most > 0:
            found[number] = its_gains[order] @ discounts[:first] / most
    return found


def reciprocal_rank(scores: Floats, labels: Labels, offsets: Offsets, *, seed: int = 0) -> Floats:
    """1 / the rank of the first success of each list, NaN for lists without one; its mean is MRR.

    >>> reciprocal_rank(np.array([2.0, 1.0]), np.array([0, 1], np.uint8), np.array([0, 2]))
    array([0.5])
    """
    _check(scores, labels, offsets)
    ranks, lists, successes = _successes(scores, labels, offsets, seed)
    first = np.full(len(successes), np.inf)
    np.minimum.at(first, lists, ranks)
    return np.where(successes > 0, 1 / first, np.nan)


def hit_rate_at(
    k: int, scores: Floats, labels: Labels, offsets: Offsets, *, seed: int = 0
) -> Floats:
    """1 where a success is among the first k of the list, else 0; NaN for lists without one.

    >>> hit_rate_at(1, np.array([2.0, 1.0]), np.array([0, 1], np.uint8), np.array([0, 2]))
    array([0.])
    """
    _check(scores, labels, offsets)
    ranks, lists, successes = _successes(scores, labels, offsets, seed)
    hits = np.bincount(lists[ranks <= k], minlength=len(successes)) > 0
    return np.where(successes > 0, hits.astype(np.float64), np.nan)


def ranks_in_lists(scores: Floats, offsets: Offsets, *, seed: int = 0) -> NDArray[np.int64]:
    """Each row's rank in its list, 1 for the highest score: int64[n].

    Tied rows are in a pseudo-random order fixed by the seed, never in the order of the input.

    >>> ranks_in_lists(np.array([1.0, 3.0, 2.0]), np.array([0, 3])).tolist()
    [3, 1, 2]
    """
    ranks: NDArray[np.int64] = ranks_kernel(scores, offsets, np.uint64(seed))
    return ranks


def mean_over_lists(values: Floats) -> float:
    """Mean over the lists with a value, NaN when none has one.

    >>> mean_over_lists(np.array([0.5, np.nan, 1.0]))
    0.75
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _successes(
    scores: Floats, labels: Labels, offsets: Offsets, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rank and list of each success, and how many successes each list has."""
    rows = np.flatnonzero(labels)
    lists = np.searchsorted(offsets, rows, side="right") - 1
    ranks = ranks_in_lists(scores, offsets, seed=seed)[rows]
    return ranks, lists, np.bincount(lists, minlength=len(offsets) - 1)


def _check(scores: Floats, labels: Labels, offsets: Offsets | None = None) -> None:
    if scores.shape != labels.shape or scores.ndim != 1:
        raise DatasetError(
            f"one score a label: got scores {list(scores.shape)}, labels {list(labels.shape)}"
        )
    if np.isnan(scores).any():
        raise DatasetError(f"the score of row {int(np.argmax(np.isnan(scores)))} is NaN")
    if offsets is not None and (
        len(offsets) == 0
        or offsets[0] != 0
        or offsets[-1] != len(scores)
        or (np.diff(offsets) < 0).any()
    ):
        raise DatasetError(
            f"offsets rise from 0 to the number of rows ({len(scores)}); list_offsets() makes them"
        )
