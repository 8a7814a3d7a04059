"""Kernels that turn the rows found for candidates into values, a whole column at a time.

A missing row is the arena's all-zero row and an unknown one its all-NaN row, so these loops need no
branches.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.opcodes import MAX, MEAN


class Rows(NamedTuple):
    """The rows of one scope for the candidates of a block.

    ``source`` points to the arena's words, or to those of the rows of pairs; ``offsets`` to int64,
    the rows' first words; ``decays`` to float64, the decay factors of their counters. For a list
    scope, candidate i has the rows ``starts[i]`` to ``starts[i + 1]`` (int64); else it has row i.
    """

    source: Any
    offsets: Any
    decays: Any
    starts: Any


class RateWords(NamedTuple):
    """The words of a rate's two counters, and the weight of its prior in trials."""

    successes: Any
    trials: Any
    strength: Any


@compiled
def fill_counts(rows, m, word, out):
    """Fill ``out``, float64[m], with decayed counts or sums."""
    source, offsets, decays = rows.source, rows.offsets, rows.decays
    for row in range(m):
        out[row] = source[offsets[row] + word] * decays[row]


@compiled
def fill_rates(rows, m, words, prior, out):
    """Fill ``out``, float64[m], with rates smoothed towards the prior.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials. ``prior`` points to float64[m].
    """
    source, offsets, decays = rows.source, rows.offsets, rows.decays
    strength = words.strength
    for row in range(m):
        successes = source[offsets[row] + words.successes] * decays[row]
        trials = source[offsets[row] + words.trials] * decays[row]
        out[row] = (successes + strength * prior[row]) / (trials + strength)


@compiled
def fill_ago(rows, m, word, at, out):
    """Fill ``out``, float64[m], with the seconds since a time; NaN for never."""
    source, offsets = rows.source, rows.offsets
    for row in range(m):
        last = source[offsets[row] + word]
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def fill_list_counts(rows, m, word, how, out):
    """Fill in the sum, maximum or mean of each list's decayed counts; NaN for an empty list."""
    source, offsets, decays, starts = rows.source, rows.offsets, rows.decays, rows.starts
    for row in range(m):
        total, best = 0.0, -np.inf
        for element in range(starts[row], starts[row + 1]):
            value = source[offsets[element] + word] * decays[element]
            total += value
            best = max(best, value)
        out[row] = _combined(total, best, starts[row + 1] - starts[row], how)


@compiled
def fill_list_rates(rows, m, words, prior, how, out):
    """Fill in the sum, maximum or mean of each list's rates; NaN for an empty list."""
    source, offsets, decays, starts = rows.source, rows.offsets, rows.decays, rows.starts
    strength = words.strength
    for row in range(m):
        total, best = 0.0, -np.inf
        add = strength * prior[row]
        for element in range(starts[row], starts[row + 1]):
            successes = source[offsets[element] + words.successes] * decays[element]
            trials = source[offsets[element] + words.trials] * decays[element]
            value = (successes + add) / (trials + strength)
            total += value
            best = max(best, value)
        out[row] = _combined(total, best, starts[row + 1] - starts[row], how)


@compiled
def fill_list_ago(rows, m, word, at, out):
    """Fill in the minimum over each list of the seconds since a time; NaN for never."""
    source, offsets, starts = rows.source, rows.offsets, rows.starts
    for row in range(m):
        last = 0.0
        for element in range(starts[row], starts[row + 1]):
            last = max(last, source[offsets[element] + word])
        out[row] = max(at - last, 0.0) / 1000.0 if last != 0.0 else np.nan


@compiled
def _combined(total, best, size, how):
    if size == 0:
        return np.nan
    if how == MAX:
        return best
    return total / size if how == MEAN else total
