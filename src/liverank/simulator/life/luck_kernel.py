"""Random numbers by hashing person, visit, purpose and item instead of reading a stream.

Two lives with one seed therefore differ only where their lists differ, and the order of the draws
does not matter.
Invariant: the same five numbers give the same random number.
"""

import math

import numpy as np

from liverank.compiled import compiled

CLICK, JOIN, GO_ON, LOOK, PEEK, STAY, STAY_TOO, FOLLOW, RETURN, PULL, PULL_TIME = range(11)
"""Purposes of random numbers."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@compiled
def mixed(word):
    """Hash a uint64 with the finalizer of SplitMix64 (Steele et al. 2014): uint64."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@compiled
def uniform(seed, person, visit, purpose, item):
    """Uniform float64 in [0, 1) for a person, a visit's number, a purpose, an item (integers)."""
    word = mixed(np.uint64(seed) + _GOLDEN)
    word = mixed(word + np.uint64(person) * _GOLDEN + np.uint64(1))
    word = mixed(word + np.uint64(visit) * _GOLDEN + np.uint64(2))
    word = mixed(word + np.uint64(purpose) * _GOLDEN + np.uint64(3))
    word = mixed(word + np.uint64(item) * _GOLDEN + np.uint64(4))
    return float(word >> np.uint64(11)) * 2.0**-53


@compiled
def exponential(seed, person, visit, purpose, item):
    """An exponentially distributed number with mean 1."""
    return -math.log(1.0 - uniform(seed, person, visit, purpose, item))


@compiled
def normal(seed, person, visit, item):
    """A standard normal number for a stay (Box and Muller 1958)."""
    radius = math.sqrt(2.0 * exponential(seed, person, visit, STAY, item))
    return radius * math.cos(2.0 * math.pi * uniform(seed, person, visit, STAY_TOO, item))
