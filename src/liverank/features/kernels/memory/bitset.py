"""Kernels for a set of whole numbers, one bit each, that counts its members below a number.

A set is a tuple of two pointers: to its bits, uint64[groups], and to the count of its numbers below
each group of 64, uint32[groups], which ``count_up`` fills in. It maps old offsets to new ones in a
compaction, and old item numbers to new ones in a renumbering.
"""

import numpy as np

from liverank.compiled import compiled

_ONE = np.uint64(1)


@compiled
def groups_of(size):
    """Number of groups of 64 that hold the numbers from 0 to ``size``."""
    return (size >> 6) + 1


@compiled
def include(set_, first, count):
    """Add ``count`` numbers from ``first`` on."""
    bits = set_[0]
    for number in range(first, first + count):
        bits[number >> 6] |= _ONE << np.uint64(number & 63)


@compiled
def count_up(set_, groups):
    """Count the numbers in each group, as ``below`` needs; returns how many there are in all."""
    bits, counts = set_
    total = 0
    for group in range(groups):
        counts[group] = total
        total += _ones(bits[group])
    return total


@compiled
def below(set_, number):
    """How many numbers of a counted set are less than this one."""
    bits, counts = set_
    group = number >> 6
    lower = (_ONE << np.uint64(number & 63)) - _ONE
    return np.int64(counts[group]) + _ones(bits[group] & lower)


@compiled
def _ones(word):
    """How many bits of a word are set (Warren, Hacker's Delight, 5-1)."""
    word -= (word >> _ONE) & np.uint64(0x5555555555555555)
    fours = np.uint64(0x3333333333333333)
    word = (word & fours) + ((word >> np.uint64(2)) & fours)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
