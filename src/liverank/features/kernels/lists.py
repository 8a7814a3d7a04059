"""Kernels for features that compare a candidate with the others of its list."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.pointers import pointer_to

_DIGIT_BITS = 8
_DIGITS = 4
_SHORT = 64


@compiled
def rank_in_list(values, out):
    """The share of the other candidates with a higher value, ties counted half: 0 is best.

    Values are compared as float32, as a model sees them. NaN ranks as NaN and is nobody's rival.
    ``values`` and ``out`` are float64[n].
    """
    fill_ranks(pointer_to(values), values.size, pointer_to(out))


@compiled
def gap_in_list(values, out):
    """How far a value is below the list's best, as a share of the best: 0 is best.

    NaN stays NaN; a list whose best is not above zero has no gaps, 0. Both are float64[n].
    """
    fill_gaps(pointer_to(values), values.size, pointer_to(out))


@compiled
def fill_ranks(values, n, out):
    """What ``rank_in_list`` does, by pointers."""
    keys, order = np.empty(n, np.uint32), np.empty(n, np.int64)
    rivals = 0
    for place in range(n):
        if np.isnan(values[place]):
            out[place] = np.nan
        else:
            keys[rivals], order[rivals] = _sortable(values[place]), place
            rivals += 1
    keys, order = _sorted(keys[:rivals], order[:rivals])
    start = 0
    while start < rivals:
        stop = start + 1
        while stop < rivals and keys[stop] == keys[start]:
            stop += 1
        better = float(rivals - stop) + 0.5 * (stop - start)
        share = (better - 0.5) / (rivals - 1) if rivals > 1 else 0.0
        for place in range(start, stop):
            out[order[place]] = share
        start = stop


@compiled
def fill_gaps(values, n, out):
    """What ``gap_in_list`` does, by pointers."""
    best = 0.0
    for place in range(n):
        if values[place] > best:
            best = values[place]
    for place in range(n):
        if np.isnan(values[place]):
            out[place] = np.nan
        else:
            out[place] = (best - values[place]) / best if best > 0 else 0.0


@compiled
def _sortable(value):
    """The bits of a float32 such that greater values have greater bits."""
    bits = np.float32(value + 0.0).view(np.uint32)  # -0 becomes 0
    if bits & np.uint32(0x80000000):
        return np.uint32(~bits)
    return np.uint32(bits | np.uint32(0x80000000))


@compiled
def _sorted(keys, order):
    """Keys in rising order, and their places: insertion for a few, else radix by digits."""
    n = keys.size
    if n <= _SHORT:
        for place in range(1, n):
            key, which, before = keys[place], order[place], place
            while before > 0 and keys[before - 1] > key:
                keys[before], order[before] = keys[before - 1], order[before - 1]
                before -= 1
            keys[before], order[before] = key, which
        return keys, order
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    ends = np.zeros((_DIGITS, 1 << _DIGIT_BITS), np.int64)
    for key in keys:
        for digit in range(_DIGITS):
            ends[digit, _digit(key, digit)] += 1
    for digit in range(_DIGITS):
        its_ends = ends[digit]
        if its_ends[_digit(keys[0], digit)] == n:
            continue  # all have the same
        total = 0
        for value in range(1 << _DIGIT_BITS):
            total += its_ends[value]
            its_ends[value] = total - its_ends[value]
        for place in range(n):
            value = _digit(keys[place], digit)
            to = its_ends[value]
            its_ends[value] += 1
            other_keys[to], other_order[to] = keys[place], order[place]
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return keys, order


@compiled
def _digit(key, digit):
    return (key >> np.uint32(digit * _DIGIT_BITS)) & np.uint32((1 << _DIGIT_BITS) - 1)
