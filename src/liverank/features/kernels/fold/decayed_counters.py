"""Kernels for decayed counters: forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009).

An event at ``t`` adds ``2**((t - L) / h)`` to the counter of half-life ``h``, where ``L`` is the
start of the row's epoch; a read at ``at`` multiplies by ``2**-((at - L) / h)``. Nothing is decayed
when an event is written, so late and out-of-order events give the same counters, to rounding, and
partial sums add up; and one read computes one power for each half-life and epoch, whatever the
number of rows.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import NUMBERS_TYPES, REALS_EPOCH_MS
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import block_of, span_of
from liverank.features.layout.constants import ROW_EPOCH, ROW_LAST

AGES = 64
"""Number of recent epochs whose factors are computed once per read."""
DIRECT = AGES
"""Age that marks a row whose factor must be computed for this row alone."""


class Interaction(NamedTuple):
    """``type`` int64; ``at`` float64 Unix ms; ``value`` float64, NaN for none."""

    type: Any
    at: Any
    value: Any


@compiled
def epoch_of(layout, at):
    """The epoch of a time, counted from 1970."""
    return np.floor(at / layout.reals[REALS_EPOCH_MS])


@compiled
def weigh(layout, at, weights):
    """Fill in the weights (at least 1) of an event in its own epoch: float64[half-lives]."""
    since = at - epoch_of(layout, at) * layout.reals[REALS_EPOCH_MS]
    for life in range(weights.size):
        weights[life] = np.exp2(since * layout.rates[life])


@compiled
def count(store, layout, scope, row, interaction, weights):
    """Count an interaction in a row; ``weights`` are filled by ``weigh`` for its time."""
    type_, at, value = interaction
    words = store.words
    first, counts, totals = span_of(layout, scope, type_)
    lives = moved(layout.half_lives, first)
    block = row + block_of(layout, scope, type_)
    epoch = epoch_of(layout, at)
    if words[row + ROW_LAST] == 0.0:
        words[row + ROW_EPOCH] = epoch
    elif words[row + ROW_EPOCH] < epoch:
        _enter_epoch(store, layout, scope, row, epoch)
    late = words[row + ROW_EPOCH] - epoch
    for index in range(counts + totals if not np.isnan(value) else counts):
        weight = weights[lives[index]]
        if late > 0:
            weight *= np.exp2(-late * layout.reals[REALS_EPOCH_MS] * layout.rates[lives[index]])
        words[block + 1 + index] += weight if index < counts else weight * value
    stamp = max(at, 1.0)  # 0 means never
    words[block] = max(words[block], stamp)
    words[row + ROW_LAST] = max(words[row + ROW_LAST], stamp)


@compiled
def _enter_epoch(store, layout, scope, row, epoch):
    """Scale a row's counters to a later epoch."""
    words = store.words
    span = (epoch - words[row + ROW_EPOCH]) * layout.reals[REALS_EPOCH_MS]
    for type_ in range(layout.numbers[NUMBERS_TYPES]):
        block = block_of(layout, scope, type_)
        if block >= 0:
            first, counts, totals = span_of(layout, scope, type_)
            for index in range(counts + totals):
                rate = layout.rates[layout.half_lives[first + index]]
                words[row + block + 1 + index] *= np.exp2(-span * rate)
    words[row + ROW_EPOCH] = epoch


@compiled
def fill_factors(layout, at, factors):
    """Fill in the decay factors of counters at ``at``: float64[half-lives, AGES + 1].

    Column ``d`` is for rows whose epoch began ``d`` epochs before that of ``at``.
    """
    epoch_ms = layout.reals[REALS_EPOCH_MS]
    since = at - epoch_of(layout, at) * epoch_ms
    for life in range(factors.shape[0]):
        rate = layout.rates[life]
        step = np.exp2(-epoch_ms * rate)
        factors[life, 0] = np.exp2(-since * rate)
        for age in range(1, AGES):
            factors[life, age] = factors[life, age - 1] * step
        factors[life, DIRECT] = np.nan


@compiled
def age_of(words, row, at, epoch):
    """A row's age in epochs, or DIRECT where its factor must be computed.

    The latter includes rows with an event after ``at``: their counters do not decay.
    """
    age = epoch - words[row + ROW_EPOCH]
    if words[row + ROW_LAST] == 0.0 or np.isnan(age):
        return 0  # nothing decays
    return np.int64(age) if 0 <= age < AGES and words[row + ROW_LAST] <= at else DIRECT


@compiled
def factor_of(words, row, at, rate, epoch_ms):
    """The decay factor of one row's counters of one half-life, computed for this row."""
    since = max(at, words[row + ROW_LAST]) - words[row + ROW_EPOCH] * epoch_ms
    return np.exp2(-since * rate)


@compiled
def decay(words, row, age, factors, at, rate, epoch_ms):
    """The decay factor of a row's counters, from ``factors`` or computed."""
    if age != DIRECT:
        return factors[age]
    return factor_of(words, row, at, rate, epoch_ms)
