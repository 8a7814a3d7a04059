"""Kernels for decayed counters: forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009).

An event at ``t`` adds ``2**((t - L) / h)`` to the counter of half-life ``h``, where ``L`` is when
the row's epoch began; a read at ``at`` multiplies by ``2**-((at - L) / h)``. Nothing decays when it
is written, so late and out-of-order events give the same counters, to rounding, and partial sums
add up; and one read needs one power for each half-life, whatever the number of rows.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import (
    EPOCH_MS,
    LIVES,
    NUMBERS,
    RATES,
    REALS,
    TYPES,
    WORDS,
)
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import block_of, span_of
from liverank.features.layout.layout import EPOCH, LAST

AGES = 64
"""Epochs whose factors are at hand when rows are read."""
DIRECT = AGES
"""The age of a row whose factors are not."""


@compiled
def epoch_of(layout, at):
    """The epoch of a time, counted from 1970."""
    return np.floor(at / layout[REALS][EPOCH_MS])


@compiled
def weigh(layout, at, weights):
    """Fill in what an event at ``at`` weighs in its own epoch, float64[half-lives] of 1 or more."""
    since = at - epoch_of(layout, at) * layout[REALS][EPOCH_MS]
    for life in range(weights.size):
        weights[life] = np.exp2(since * layout[RATES][life])


@compiled
def count(store, layout, scope, row, type_, at, weights, value):
    """Count an interaction in a row; ``value`` NaN is none.

    ``weights`` are ``weigh``'s for ``at``.
    """
    words = store[WORDS]
    first, counts, totals = span_of(layout, scope, type_)
    lives = moved(layout[LIVES], first)
    block = row + block_of(layout, scope, type_)
    epoch = epoch_of(layout, at)
    if words[row + LAST] == 0.0:
        words[row + EPOCH] = epoch
    elif words[row + EPOCH] < epoch:
        _enter_epoch(store, layout, scope, row, epoch)
    late = words[row + EPOCH] - epoch
    for place in range(counts + totals if not np.isnan(value) else counts):
        weight = weights[lives[place]]
        if late > 0:
            weight *= np.exp2(-late * layout[REALS][EPOCH_MS] * layout[RATES][lives[place]])
        words[block + 1 + place] += weight if place < counts else weight * value
    stamp = max(at, 1.0)  # zero is never
    words[block] = max(words[block], stamp)
    words[row + LAST] = max(words[row + LAST], stamp)


@compiled
def _enter_epoch(store, layout, scope, row, epoch):
    """Scale a row's counters to a later epoch."""
    words = store[WORDS]
    span = (epoch - words[row + EPOCH]) * layout[REALS][EPOCH_MS]
    for type_ in range(layout[NUMBERS][TYPES]):
        block = block_of(layout, scope, type_)
        if block >= 0:
            first, counts, totals = span_of(layout, scope, type_)
            for place in range(counts + totals):
                rate = layout[RATES][layout[LIVES][first + place]]
                words[row + block + 1 + place] *= np.exp2(-span * rate)
    words[row + EPOCH] = epoch


@compiled
def fill_factors(layout, at, factors):
    """Fill in by what counters are multiplied at ``at``: float64[half-lives, AGES + 1].

    Column ``d`` is for rows whose epoch began ``d`` epochs before that of ``at``.
    """
    epoch_ms = layout[REALS][EPOCH_MS]
    since = at - epoch_of(layout, at) * epoch_ms
    for life in range(factors.shape[0]):
        rate = layout[RATES][life]
        step = np.exp2(-epoch_ms * rate)
        factors[life, 0] = np.exp2(-since * rate)
        for age in range(1, AGES):
            factors[life, age] = factors[life, age - 1] * step
        factors[life, DIRECT] = np.nan


@compiled
def age_of(words, row, at, epoch):
    """How many epochs ago a row's own began, or DIRECT where factors are not at hand.

    They are not for a row with an event after ``at``: to it, time stands still.
    """
    age = epoch - words[row + EPOCH]
    if words[row + LAST] == 0.0 or np.isnan(age):
        return 0  # nothing decays
    return np.int64(age) if 0 <= age < AGES and words[row + LAST] <= at else DIRECT


@compiled
def factor_of(words, row, at, rate, epoch_ms):
    """By what one row's counters of one half-life are multiplied: the slow, plain way."""
    since = max(at, words[row + LAST]) - words[row + EPOCH] * epoch_ms
    return np.exp2(-since * rate)


@compiled
def decay(words, row, age, factors, at, rate, epoch_ms):
    """By what the counters of a row are multiplied."""
    if age != DIRECT:
        return factors[age]
    return factor_of(words, row, at, rate, epoch_ms)
