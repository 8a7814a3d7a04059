"""Kernels of the list metrics: arrays and scalars in, arrays out.

Invariant: each has a plain twin in tests/dataset/test_metrics.py that defines it.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled
from liverank.features.kernels.memory.index import mix


@compiled
def list_auc_kernel(
    scores: NDArray[np.float64], labels: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """AUC of each list, ties counting one half: float64[n_lists]."""
    n_lists = len(offsets) - 1
    result = np.full(n_lists, np.nan)
    for i in range(n_lists):
        start, end = offsets[i], offsets[i + 1]
        order = np.argsort(scores[start:end])
        failures_below = 0
        successes = 0
        won = 0.0
        j = 0
        while j < end - start:
            score = scores[start + order[j]]
            tied_failures = 0
            tied_successes = 0
            while j < end - start and scores[start + order[j]] == score:
                if labels[start + order[j]]:
                    tied_successes += 1
                else:
                    tied_failures += 1
                j += 1
            won += tied_successes * (failures_below + 0.5 * tied_failures)
            failures_below += tied_failures
            successes += tied_successes
        if successes and failures_below:
            result[i] = won / (float(successes) * float(failures_below))
    return result


@compiled
def ranks_kernel(
    scores: NDArray[np.float64], offsets: NDArray[np.int64], seed: np.uint64
) -> NDArray[np.int64]:
    """Rank of each row in its list from 1, highest first; ties by ``shuffled``: int64[n]."""
    ranks = np.empty(len(scores), np.int64)
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        order = np.argsort(-scores[start:end])
        j = 0
        while j < end - start:
            first = j
            score = scores[start + order[j]]
            while j < end - start and scores[start + order[j]] == score:
                j += 1
            if j - first == 1:
                ranks[start + order[first]] = j
                continue
            keys = np.empty(j - first, np.uint64)
            for tied in range(first, j):
                keys[tied - first] = shuffled(np.uint64(start + order[tied]), seed)
            drawn = np.argsort(keys)
            for tied in range(j - first):
                ranks[start + order[first + drawn[tied]]] = first + tied + 1
    return ranks


@compiled
def shuffled(row: np.uint64, seed: np.uint64) -> np.uint64:
    """A pseudo-random number of a row: SplitMix64 (Steele, Lea and Flood, 2014)."""
    mixed: np.uint64 = mix(
        (row + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + seed * np.uint64(0xD1B54A32D192ED03)
    )
    return mixed
