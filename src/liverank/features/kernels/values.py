"""Kernels that turn resolved rows into values, a whole column at a time.

``source`` points to an arena (state's words, or a portrait's), ``places`` and ``ages`` to int64[m]
that say which rows and how old, ``factors`` to float64[AGES + 1] of one half-life, ``out`` to
float64[m]. A row that is missing reads as zeros and an unknown one as NaN, so nothing here asks.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.instructions import FIRST, MAX, MEAN, MIN, SUM
from liverank.features.kernels.counters import DIRECT, factor_of


@compiled
def decay(source, place, age, factors, at, rate, epoch_ms):
    """By what the counters of a row are multiplied."""
    if age != DIRECT:
        return factors[age]
    return factor_of(source, place, at, rate, epoch_ms)


@compiled
def fill_counts(source, places, ages, m, word, factors, at, rate, epoch_ms, out):
    """Decayed counts or sums."""
    for row in range(m):
        factor = decay(source, places[row], ages[row], factors, at, rate, epoch_ms)
        out[row] = source[places[row] + word] * factor


@compiled
def fill_rates(
    source, places, ages, m, count, trials, factors, at, rate, epoch_ms, prior, strength, out
):
    """Rates that fall back to the prior where there is little evidence.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials. ``prior`` points to float64[m].
    """
    for row in range(m):
        factor = decay(source, places[row], ages[row], factors, at, rate, epoch_ms)
        successes = source[places[row] + count] * factor
        tries = source[places[row] + trials] * factor
        out[row] = (successes + strength * prior[row]) / (tries + strength)


@compiled
def fill_ago(source, places, m, word, at, out):
    """Seconds since; NaN for never."""
    for row in range(m):
        last = source[places[row] + word]
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def combine(values, starts, n, how, out):
    """One number of each list's elements: NaN for none, or for none that is known."""
    for row in range(n):
        begin, end = starts[row], starts[row + 1]
        out[row] = np.nan
        if begin == end:
            continue
        if how == FIRST:
            out[row] = values[begin]
            continue
        total, best, least = 0.0, -np.inf, np.inf
        for element in range(begin, end):
            value = values[element]
            if not np.isnan(value):
                total += value
                best = max(best, value)
                least = min(least, value)
        if how == SUM:
            out[row] = total
        elif how == MEAN:
            out[row] = total / (end - begin)
        elif how == MAX and best > -np.inf:
            out[row] = best
        elif how == MIN and least < np.inf:
            out[row] = least


@compiled
def spread(values, starts, n, out):
    """Each list's value for each of its elements."""
    for row in range(n):
        for element in range(starts[row], starts[row + 1]):
            out[element] = values[row]
