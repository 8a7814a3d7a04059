"""Kernels of the hash table of popularity by variant and item; see ``arm_table``."""

import numpy as np

from liverank.compiled import compiled


@compiled
def key_of(arm, item):
    """Key of an item in an arm, uint64, never 0: SplitMix64's finalizer (Steele et al. 2014)."""
    key = (arm * np.uint64(0x9E3779B97F4A7C15)) ^ item
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    key ^= key >> np.uint64(31)
    return key | np.uint64(1)


@compiled
def add_weights(keys, values, added, weights):
    """Add ``weights`` float64[m] to the keys ``added`` uint64[m]; returns the number of new keys.

    ``keys`` uint64[2 ** k] and ``values`` float64[2 ** k] are a hash table with free slots.
    """
    mask = np.uint64(keys.size - 1)
    new = 0
    for i in range(added.size):
        slot = (added[i] >> np.uint64(1)) & mask
        while keys[slot] != np.uint64(0) and keys[slot] != added[i]:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == np.uint64(0):
            values[slot] = 0.0
            keys[slot] = added[i]
            new += 1
        values[slot] += weights[i]
    return new


@compiled
def find_weights(keys, values, arm, items, out):
    """Look up the weights of ``items`` uint64[n] in an arm; fills ``out`` float64[n], 0 if absent.

    ``keys`` uint64[2 ** k] and ``values`` float64[2 ** k] are the hash table.
    """
    mask = np.uint64(keys.size - 1)
    for i in range(items.size):
        key = key_of(arm, items[i])
        slot = (key >> np.uint64(1)) & mask
        out[i] = 0.0
        for _ in range(keys.size):
            if keys[slot] == np.uint64(0):
                break
            if keys[slot] == key:
                out[i] = values[slot]
                break
            slot = (slot + np.uint64(1)) & mask


@compiled
def keys_of(arms, items):
    """Keys of pairs of an arm and an item, uint64[m] each: uint64[m]."""
    keys = np.empty(arms.size, np.uint64)
    for i in range(arms.size):
        keys[i] = key_of(arms[i], items[i])
    return keys
