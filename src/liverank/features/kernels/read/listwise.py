"""Kernels for features that compare a candidate with the others of its list."""

import math

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels import opcodes as op
from liverank.features.kernels.memory.pointers import keep, pointer_to

RANK, GAP, ABOVE_MEAN, ABOVE_MEAN_SD = op.RANK, op.GAP, op.ABOVE_MEAN, op.ABOVE_MEAN_SD
ROUNDING = 1e-9
"""Share of the largest value below which a standard deviation counts as 0 (rounding)."""
LIMIT = 1e300
"""Absolute value from which a value counts as unknown, so that sums are finite."""
SHORT = 128
"""Maximum length of lists that are ranked by comparing each pair, instead of sorting."""
_DIGIT_BITS = 8
_DIGITS = 4
_LANES = 16
_HALF, _NONE = np.float32(0.5), np.float32(0.0)


@compiled
def rank_in_list(values, out):
    """The share of the other candidates with a higher value, ties counted half: 0 is best.

    Values are compared as float32, as a model sees them. NaN ranks as NaN and is not counted.
    ``values`` and ``out`` are float64[n].
    """
    compare(RANK, pointer_to(values), values.size, pointer_to(out))


@compiled
def gap_in_list(values, out):
    """How far a value is below the list's best, as a share of the best: 0 is best.

    NaN stays NaN; a list whose best is not above zero has no gaps, 0. Both are float64[n].
    """
    compare(GAP, pointer_to(values), values.size, pointer_to(out))


@compiled
def above_mean_in_list(values, in_deviations, out):
    """How far a value is above the mean of the known ones, plain or in standard deviations.

    A value that is not finite (or beyond ``LIMIT``) becomes NaN and is left out of the mean.
    ``in_deviations`` divides by the standard deviation, the root of the mean square, and gives 0
    where values do not differ beyond rounding. ``values`` and ``out`` are float64[n]. The bits of
    the results do not depend on the order of the candidates.
    """
    how = ABOVE_MEAN_SD if in_deviations else ABOVE_MEAN
    compare(how, pointer_to(values), values.size, pointer_to(out))


@compiled
def compare(how, values, n, out):
    """Run one instruction that compares all n candidates of a list, by pointers to float64[n]."""
    if how == GAP:
        _fill_gaps(values, n, out)
    elif how != RANK:
        _fill_above_mean(values, n, how == ABOVE_MEAN_SD, out)
    elif n <= SHORT:
        _count_ranks(values, n, out)
    else:
        _sort_ranks(values, n, out)


@compiled
def _fill_above_mean(values, n, in_deviations, out):
    """Differences to the mean, whose bits do not depend on the order of the candidates.

    A list is logged in another order than it was read in. So sums are of differences to the lowest
    value, each rounded to a multiple of one power of two so that adding is exact (Rump's
    extraction): to 3e-16 of n times the range of values, at most.
    """
    low, high = np.inf, -np.inf
    for row in range(n):
        if abs(values[row]) < LIMIT:
            low, high = min(low, values[row]), max(high, values[row])
    low += 0.0  # -0 becomes 0
    scale = _next_power(n * (high - low))
    known, total = 0, 0.0
    for row in range(n):
        is_known = abs(values[row]) < LIMIT
        known += is_known
        total += (values[row] - low + scale) - scale if is_known else 0.0
    mean = total / known
    for row in range(n):
        out[row] = values[row] - low - mean if abs(values[row]) < LIMIT else np.nan
    if in_deviations:
        largest = max(abs(low), abs(high))
        _divide_by_deviation(n, known, high - low, ROUNDING * largest, out)


@compiled
def _divide_by_deviation(n, known, spread, least, out):
    """Divide differences to the mean by their standard deviation; 0 where that is too small."""
    scale, squares = _next_power(n), 0.0
    for row in range(n):
        share = out[row] / spread
        squares += (share * share + scale) - scale if share == share else 0.0
    deviation = spread * np.sqrt(squares / known)
    for row in range(n):
        if deviation > least:
            out[row] /= deviation
        else:
            out[row] = abs(out[row]) * 0.0


@compiled
def _next_power(value):
    """The lowest power of two above a value that is positive; 1 for 0."""
    return math.ldexp(1.0, math.frexp(value)[1])


@compiled
def _count_ranks(values, n, out):
    """Ranks of a short list, by comparing all pairs without branches.

    Columns are padded with NaN to a multiple of the SIMD width.
    """
    wide = (n + _LANES - 1) // _LANES * _LANES
    own_array, better_array = np.full(wide, np.float32(np.nan)), np.zeros(wide, np.float32)
    own, better = pointer_to(own_array), pointer_to(better_array)
    rivals = 0
    for row in range(n):
        own[row] = np.float32(values[row])
        rivals += own[row] == own[row]
    for other in range(n):
        theirs = own[other]
        for row in range(wide):
            is_above = _HALF if theirs > own[row] else _NONE
            is_not_below = _HALF if theirs >= own[row] else _NONE
            better[row] += is_above + is_not_below
    for row in range(n):
        share = (better[row] - 0.5) / (rivals - 1) if rivals > 1 else 0.0
        out[row] = share if own[row] == own[row] else np.nan
    keep((own_array, better_array))


@compiled
def _sort_ranks(values, n, out):
    """Ranks of a long list, by sorting; ties count one half."""
    keys, order = np.empty(n, np.uint32), np.empty(n, np.int64)
    rivals = 0
    for row in range(n):
        if np.isnan(values[row]):
            out[row] = np.nan
        else:
            keys[rivals], order[rivals] = _sortable(values[row]), row
            rivals += 1
    keys, order = _sorted(keys[:rivals], order[:rivals])
    start = 0
    while start < rivals:
        stop = start + 1
        while stop < rivals and keys[stop] == keys[start]:
            stop += 1
        better = float(rivals - stop) + 0.5 * (stop - start)
        share = (better - 0.5) / (rivals - 1) if rivals > 1 else 0.0
        for row in range(start, stop):
            out[order[row]] = share
        start = stop


@compiled
def _fill_gaps(values, n, out):
    """How far each value is below the best, as a share of the best."""
    best = 0.0
    for row in range(n):
        if values[row] > best:
            best = values[row]
    for row in range(n):
        if np.isnan(values[row]):
            out[row] = np.nan
        else:
            out[row] = (best - values[row]) / best if best > 0 else 0.0


@compiled
def _sortable(value):
    """A uint32 for a float32, such that greater values have greater numbers."""
    bits = np.float32(value + 0.0).view(np.uint32)  # -0 becomes 0
    if bits & np.uint32(0x80000000):
        return np.uint32(~bits)
    return np.uint32(bits | np.uint32(0x80000000))


@compiled
def _sorted(keys, order):
    """Keys in ascending order, and their rows: LSD radix sort."""
    n = keys.size
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    ends = np.zeros((_DIGITS, 1 << _DIGIT_BITS), np.int64)
    for key in keys:
        for digit in range(_DIGITS):
            ends[digit, _digit(key, digit)] += 1
    for digit in range(_DIGITS):
        its_ends = ends[digit]
        if its_ends[_digit(keys[0], digit)] == n:
            continue  # all have the same digit
        total = 0
        for value in range(1 << _DIGIT_BITS):
            total += its_ends[value]
            its_ends[value] = total - its_ends[value]
        for row in range(n):
            value = _digit(keys[row], digit)
            to = its_ends[value]
            its_ends[value] += 1
            other_keys[to], other_order[to] = keys[row], order[row]
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return keys, order


@compiled
def _digit(key, digit):
    return (key >> np.uint32(digit * _DIGIT_BITS)) & np.uint32((1 << _DIGIT_BITS) - 1)
