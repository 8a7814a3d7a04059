"""The kernel that orders candidates.

It is written for lists of about fifty, for which a few calls of NumPy take longer than the sorting.
"""

import numpy as np

from liverank.compiled import compiled

_MIN_PARTITIONED = 1_000
"""Minimum number of candidates for a partial sort: partition first, then sort the best."""


@compiled
def best_positions(scores, second, hashes, seed, limit):
    """The positions of the best candidates, best first: int64[at most limit].

    Ordered by ``scores`` float64[n], then by ``second`` float64[n] (or [0] if there is none), then
    by the items' ``hashes`` uint64[n] mixed with ``seed`` uint64. So the order of equal candidates
    depends on the seed, but not on the order in which candidates are given.
    """
    n = scores.size
    positions = np.arange(n)
    if n > _MIN_PARTITIONED and 4 * limit < n:
        worst = np.partition(scores, n - limit)[n - limit]
        positions = np.flatnonzero(scores >= worst)
    positions = positions[np.argsort(-scores[positions], kind="mergesort")]
    count = min(limit, positions.size)
    begin = 0
    while begin < count:
        end = begin + 1
        while end < positions.size and scores[positions[end]] == scores[positions[begin]]:
            end += 1
        if end - begin > 1:
            equals = np.sort(positions[begin:end])
            equals = equals[np.argsort(_mixed(hashes[equals], seed), kind="mergesort")]
            if second.size:
                equals = equals[np.argsort(-second[equals], kind="mergesort")]
            positions[begin:end] = equals
        begin = end
    return positions[:count]


@compiled
def _mixed(hashes, seed):
    """Hashes, uint64[n], mixed with a seed, uint64: uint64[n]."""
    mixed = np.empty(hashes.size, np.uint64)
    for i in range(hashes.size):
        word = (hashes[i] ^ seed) * np.uint64(0x9E3779B97F4A7C15)
        mixed[i] = word ^ (word >> np.uint64(32))
    return mixed
