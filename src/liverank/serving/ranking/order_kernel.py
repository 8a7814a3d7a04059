"""The kernel that puts candidates in order.

Written for lists of fifty, where a handful of NumPy's calls takes longer than the sorting does.
"""

import numpy as np

from liverank.compiled import compiled

_MANY = 1_000
"""Candidates from which on the best are told apart from the rest before they are sorted."""


@compiled
def best_positions(scores, second, hashes, seed, limit):
    """The places of the best candidates, the best first: int64[at most limit].

    By ``scores`` float64[n], then by ``second`` float64[n] (or [0], where there is none), then by
    the items' ``hashes`` uint64[n] mixed with ``seed`` uint64: an order among equals that differs
    between seeds, and not with the order in which candidates are given.
    """
    n = scores.size
    places = np.arange(n)
    if n > _MANY and 4 * limit < n:
        worst = np.partition(scores, n - limit)[n - limit]
        places = np.flatnonzero(scores >= worst)
    places = places[np.argsort(-scores[places], kind="mergesort")]
    count = min(limit, places.size)
    begin = 0
    while begin < count:
        end = begin + 1
        while end < places.size and scores[places[end]] == scores[places[begin]]:
            end += 1
        if end - begin > 1:
            equals = np.sort(places[begin:end])
            equals = equals[np.argsort(_mixed(hashes[equals], seed), kind="mergesort")]
            if second.size:
                equals = equals[np.argsort(-second[equals], kind="mergesort")]
            places[begin:end] = equals
        begin = end
    return places[:count]


@compiled
def _mixed(hashes, seed):
    mixed = np.empty(hashes.size, np.uint64)
    for place in range(hashes.size):
        word = (hashes[place] ^ seed) * np.uint64(0x9E3779B97F4A7C15)
        mixed[place] = word ^ (word >> np.uint64(32))
    return mixed
