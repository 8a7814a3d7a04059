"""Kernels of the table of popularity for each variant; see ``arm_table`` for its arrays."""

import numpy as np

from liverank.compiled import compiled


@compiled
def key_of(arm, item):
    """The key of an item in an arm, never 0: the finalizer of SplitMix64 (Steele et al. 2014)."""
    key = (arm * np.uint64(0x9E3779B97F4A7C15)) ^ item
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    key ^= key >> np.uint64(31)
    return key | np.uint64(1)


@compiled
def add_weights(keys, values, added, weights):
    """Add weights, float64[m], to keys, uint64[m]; returns how many of these are new.

    ``keys`` uint64[2 ** k] and ``values`` float64[2 ** k] are a hash table with free places.
    """
    mask = np.uint64(keys.size - 1)
    new = 0
    for place in range(added.size):
        slot = (added[place] >> np.uint64(1)) & mask
        while keys[slot] != np.uint64(0) and keys[slot] != added[place]:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == np.uint64(0):
            values[slot] = 0.0
            keys[slot] = added[place]
            new += 1
        values[slot] += weights[place]
    return new


@compiled
def find_weights(keys, values, arm, items, out):
    """Fill in the weights of items, uint64[n], in an arm: float64[n], 0 for one without any."""
    mask = np.uint64(keys.size - 1)
    for place in range(items.size):
        key = key_of(arm, items[place])
        slot = (key >> np.uint64(1)) & mask
        out[place] = 0.0
        for _ in range(keys.size):
            if keys[slot] == np.uint64(0):
                break
            if keys[slot] == key:
                out[place] = values[slot]
                break
            slot = (slot + np.uint64(1)) & mask


@compiled
def keys_of(arms, items):
    """The keys of pairs of an arm and an item, uint64[m] each: uint64[m]."""
    keys = np.empty(arms.size, np.uint64)
    for place in range(arms.size):
        keys[place] = key_of(arms[place], items[place])
    return keys
