"""Kernels that turn resolved rows into values, a whole column at a time.

``source`` points to an arena (state's words, or a portrait's), ``places`` to int64 of which rows,
``decays`` to float64 of what their counters are multiplied by, ``out`` to float64[m]. Of a list
scope, candidate i has the places ``starts[i]`` to ``starts[i + 1]``. A row that is missing
reads as zeros and an unknown one as NaN, so nothing here asks.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.compiler import MAX, MEAN


@compiled
def fill_counts(source, places, decays, m, word, out):
    """Decayed counts or sums."""
    for row in range(m):
        out[row] = source[places[row] + word] * decays[row]


@compiled
def fill_rates(source, places, decays, m, count, trials, prior, strength, out):
    """Rates that fall back to the prior where there is little evidence.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials. ``prior`` points to float64[m].
    """
    for row in range(m):
        successes = source[places[row] + count] * decays[row]
        tries = source[places[row] + trials] * decays[row]
        out[row] = (successes + strength * prior[row]) / (tries + strength)


@compiled
def fill_ago(source, places, m, word, at, out):
    """Seconds since; NaN for never."""
    for row in range(m):
        last = source[places[row] + word]
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def fill_list_counts(source, places, decays, starts, m, word, how, out):
    """Of each list the sum of the decayed counts, the most or the mean; NaN for an empty one."""
    for row in range(m):
        total, best = 0.0, -np.inf
        for element in range(starts[row], starts[row + 1]):
            value = source[places[element] + word] * decays[element]
            total += value
            best = max(best, value)
        out[row] = _combined(total, best, starts[row + 1] - starts[row], how)


@compiled
def fill_list_rates(source, places, decays, starts, m, count, trials, prior, strength, how, out):
    """Of each list the sum of the rates, the highest or the mean; NaN for an empty one."""
    for row in range(m):
        total, best = 0.0, -np.inf
        add = strength * prior[row]
        for element in range(starts[row], starts[row + 1]):
            successes = source[places[element] + count] * decays[element]
            tries = source[places[element] + trials] * decays[element]
            value = (successes + add) / (tries + strength)
            total += value
            best = max(best, value)
        out[row] = _combined(total, best, starts[row + 1] - starts[row], how)


@compiled
def fill_list_ago(source, places, starts, m, word, at, out):
    """Of each list the least number of seconds since; NaN if it never happened."""
    for row in range(m):
        last = 0.0
        for element in range(starts[row], starts[row + 1]):
            last = max(last, source[places[element] + word])
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def _combined(total, best, size, how):
    if size == 0:
        return np.nan
    if how == MAX:
        return best
    return total / size if how == MEAN else total
