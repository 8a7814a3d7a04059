"""Kernels that turn resolved rows into values, a whole column at a time.

``source`` is an arena (state's words, or a portrait's), ``places`` and ``ages`` int64[m] say which
rows and how old, ``factors`` float64[AGES + 1] is the row of one half-life. A row that is missing
reads as zeros and an unknown one as NaN, so nothing here asks which.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.instructions import FIRST, MAX, MEAN, MIN, SUM
from liverank.features.kernels.counters import DIRECT, factor_of
from liverank.features.layout import MAX_ELEMENTS


@compiled
def decay(source, place, age, factors, at, rate, epoch_ms):
    """By what the counters of a row are multiplied."""
    if age != DIRECT:
        return factors[age]
    return factor_of(source, place, at, rate, epoch_ms)


@compiled
def fill_counts(source, places, ages, word, factors, at, rate, epoch_ms, out):
    """Decayed counts or sums."""
    for row in range(out.size):
        factor = decay(source, places[row], ages[row], factors, at, rate, epoch_ms)
        out[row] = source[places[row] + word] * factor


@compiled
def fill_rates(
    source, places, ages, count, trials, factors, at, rate, epoch_ms, prior, strength, out
):
    """Rates that fall back to the prior where there is little evidence.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials. ``prior`` is float64[m].
    """
    for row in range(out.size):
        factor = decay(source, places[row], ages[row], factors, at, rate, epoch_ms)
        successes = source[places[row] + count] * factor
        tries = source[places[row] + trials] * factor
        out[row] = (successes + strength * prior[row]) / (tries + strength)


@compiled
def fill_ago(source, places, word, at, out):
    """Seconds since; NaN for never."""
    for row in range(out.size):
        last = source[places[row] + word]
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def combine(values, starts, how, out):
    """One number of each list's elements: NaN for none, or for none that is known."""
    for row in range(out.size):
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
def spread(values, starts, out):
    """Each list's value for each of its elements."""
    for row in range(starts.size - 1):
        out[starts[row] : starts[row + 1]] = values[row]


@compiled
def shared(left, left_word, left_list, right, right_word, right_list):
    """How many values two fields have in common; NaN where one is unknown."""
    left_count = np.int64(1)
    right_count = np.int64(1)
    if left_list:
        left_count = _size(left, left_word)
        left_word += 1
    if right_list:
        right_count = _size(right, right_word)
        right_word += 1
    shared, known_left, known_right = 0, False, False
    for i in range(left_count):
        for j in range(right_count):
            known_left |= left[left_word + i] != np.uint64(0)
            known_right |= right[right_word + j] != np.uint64(0)
            if left[left_word + i] == right[right_word + j] and left[left_word + i] != np.uint64(0):
                shared += 1
    return float(shared) if known_left and known_right else np.nan


@compiled
def _size(bits, word):
    known = bits[word : word + 1].view(np.float64)[0]
    return np.int64(min(known, float(MAX_ELEMENTS))) if known > 0 else np.int64(0)
