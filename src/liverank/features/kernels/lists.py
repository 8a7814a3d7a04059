"""Kernels for features that compare a candidate with the others of its list."""

import numpy as np

from liverank.compiled import compiled

_SHORT_LIST = 64


@compiled
def rank_in_list(values, out):
    """The share of the other candidates with a higher value, ties counted half: 0 is best.

    NaN ranks as NaN and is nobody's rival. ``values`` and ``out`` are float64[n].
    """
    n = values.size
    if n <= _SHORT_LIST:
        for i in range(n):
            better, rivals = 0.0, 0
            for j in range(n):
                if not np.isnan(values[j]):
                    rivals += 1
                    better += 1.0 if values[j] > values[i] else 0.5 * (values[j] == values[i])
            out[i] = _share(better, rivals)
            if np.isnan(values[i]):
                out[i] = np.nan
        return
    order = np.argsort(values)  # NaN last
    rivals = n
    while rivals > 0 and np.isnan(values[order[rivals - 1]]):
        rivals -= 1
        out[order[rivals]] = np.nan
    start = 0
    while start < rivals:
        stop = start + 1
        while stop < rivals and values[order[stop]] == values[order[start]]:
            stop += 1
        better = float(rivals - stop) + 0.5 * (stop - start)
        for place in range(start, stop):
            out[order[place]] = _share(better, rivals)
        start = stop


@compiled
def gap_in_list(values, out):
    """How far a value is below the list's best, as a share of the best: 0 is best.

    NaN stays NaN; a list whose best is not above zero has no gaps, 0. Both are float64[n].
    """
    best = 0.0
    for value in values:
        if value > best:
            best = value
    for place in range(values.size):
        if np.isnan(values[place]):
            out[place] = np.nan
        else:
            out[place] = (best - values[place]) / best if best > 0 else 0.0


@compiled
def _share(better, rivals):
    """Share of the others, where ``better`` counts the candidate itself as half."""
    return (better - 0.5) / (rivals - 1) if rivals > 1 else 0.0
