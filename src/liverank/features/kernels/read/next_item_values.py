"""Kernels that read what people went on to from this person's latest successes."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.compiler import FIRST
from liverank.features.kernels.fold.decayed_counters import age_of, decay
from liverank.features.kernels.fold.next_items import latest_successes
from liverank.features.kernels.memory.index import MISSING, find_all, place_of, row_key
from liverank.features.kernels.memory.offsets import (
    BITS,
    EPOCH_MS,
    NEXT_SCOPE,
    NUMBERS,
    RATES,
    REALS,
    WIDTH,
    WORDS,
)
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.layout.layout import KEY


@compiled
def find_recent(store, layout, of_user, recent):
    """Fill in the places of the person's latest items, int64[8]; returns how many there are."""
    _entries, numbers, found = latest_successes(store, layout, of_user)
    count = 0
    for place in range(found):
        recent[count] = place_of(store, numbers[place])
        count += recent[count] != MISSING
    return count


@compiled
def find_sequels(store, layout, recent, count, of_items, n, keys, pairs):
    """Fill in the places of the rows of (recent item, candidate), int64[count, n].

    ``keys`` points to uint64[count * n], room to work in.
    """
    scope, bits = layout[NUMBERS][NEXT_SCOPE], store[BITS]
    for place in range(count):
        earlier = bits[recent[place] + KEY]
        for row in range(n):
            item = of_items[row]
            is_pair = item != MISSING and item != recent[place]
            key = row_key(scope, earlier, bits[item + KEY]) if is_pair else np.uint64(0)
            keys[place * n + row] = key
    find_all(store, keys, count * n, shape_of(layout, scope, WIDTH), MISSING, pairs)


@compiled
def fill_sequels(store, layout, recent, count, pairs, n, code, prior, factors, at, epoch, out):
    """Counts of going on to each candidate, or shares of the earlier items' successes.

    ``code`` holds the word of the pairs' count, its half-life, how to combine, and the word of the
    earlier item's count, or -1 for a plain count. NaN for a person without successes.
    """
    words = store[WORDS]
    word, life, how, whole = code[1], code[2], code[3], code[4]
    rate, epoch_ms = layout[RATES][life], layout[REALS][EPOCH_MS]
    for row in range(n):
        out[row] = 0.0 if count else np.nan
    for place in range(min(count, 1) if how == FIRST else count):
        total = 1.0
        if whole >= 0:
            age = age_of(words, recent[place], at, epoch)
            total = words[recent[place] + whole]
            total = total * decay(words, recent[place], age, factors, at, rate, epoch_ms) + prior
        column = moved(pairs, place * n)
        for row in range(n):
            pair = column[row]
            if pair != MISSING:
                age = age_of(words, pair, at, epoch)
                factor = decay(words, pair, age, factors, at, rate, epoch_ms)
                out[row] += words[pair + word] * factor / total
