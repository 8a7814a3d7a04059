"""Kernels that read what people went on to from this person's latest successes."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.instructions import FIRST
from liverank.features.kernels.counters import age_of, epoch_of
from liverank.features.kernels.next_items import latest_successes
from liverank.features.kernels.places import EPOCH_MS, NEXT_SCOPE, NUMBERS, RATES, REALS
from liverank.features.kernels.rows import MISSING, find, place_of, row_key
from liverank.features.kernels.values import decay
from liverank.features.layout import KEY, RECENT_ITEMS


@compiled
def sequels_of(store, layout, used, of_user, of_items, at):
    """The person's latest items and the rows of (latest item, candidate).

    Returns (recent int64[r], their rows' ages int64[r], pairs int64[r, n], ages int64[r, n]).
    """
    scope = layout[NUMBERS][NEXT_SCOPE]
    n, words = of_items.size, store[5]
    bits = words.view(np.uint64)
    recent = np.empty(RECENT_ITEMS, np.int64)
    count = 0
    if used[scope]:
        _entries, numbers, found = latest_successes(store, layout, of_user)
        for place in range(found):
            recent[count] = place_of(store, numbers[place])
            count += recent[count] != MISSING
    pairs = np.empty((count, n), np.int64)
    ages = np.empty((count, n), np.int64)
    recent_ages = np.empty(count, np.int64)
    epoch = epoch_of(layout, at)
    for place in range(count):
        recent_ages[place] = age_of(words, recent[place], at, epoch)
        earlier = bits[recent[place] + KEY]
        for row in range(n):
            pairs[place, row] = MISSING
            if of_items[row] != MISSING:
                later = bits[of_items[row] + KEY]
                pairs[place, row] = find(store, row_key(scope, earlier, later))
    for place in range(count):
        for row in range(n):
            ages[place, row] = age_of(words, pairs[place, row], at, epoch)
    return recent[:count], recent_ages, pairs, ages


@compiled
def fill_sequels(words, layout, sequels, code, prior, factors, at, out):
    """Counts of going on to each candidate, or shares of the earlier items' successes.

    ``code`` holds the word of the pairs' count, its half-life, how to combine, and the word of the
    earlier item's count, or -1 for a plain count. NaN for a person without successes.
    """
    recent, recent_ages, pairs, ages = sequels
    word, life, how, whole = code[1], code[2], code[3], code[4]
    rate, epoch_ms = layout[RATES][life], layout[REALS][EPOCH_MS]
    count = min(recent.size, 1) if how == FIRST else recent.size
    out[:] = 0.0 if count else np.nan
    for place in range(count):
        total = 1.0
        if whole >= 0:
            factor = decay(
                words, recent[place], recent_ages[place], factors[life], at, rate, epoch_ms
            )
            total = words[recent[place] + whole] * factor + prior
        for row in range(out.size):
            pair = pairs[place, row]
            if pair != MISSING:
                factor = decay(words, pair, ages[place, row], factors[life], at, rate, epoch_ms)
                out[row] += words[pair + word] * factor / total
