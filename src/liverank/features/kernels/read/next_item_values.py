"""Kernels that read which items people engaged with after this person's latest items."""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.decayed_counters import AGES, age_of, decay
from liverank.features.kernels.fold.next_items import latest_successes
from liverank.features.kernels.memory.index import MISSING, find_all, offset_of, row_key
from liverank.features.kernels.memory.offsets import (
    NUMBERS_NEXT_SCOPE,
    REALS_EPOCH_MS,
    SHAPE_WIDTH,
)
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.opcodes import FIRST
from liverank.features.layout.constants import ROW_KEY


class RecentItems(NamedTuple):
    """The items of a person's latest successes: a pointer to their rows' first words, int64."""

    rows: Any
    count: Any


@compiled
def find_recent(store, layout, of_user, rows):
    """Find the rows of the person's latest items, int64[RECENT_ITEMS]; returns how many."""
    _entries, numbers, successes = latest_successes(store, layout, of_user)
    count = 0
    for success in range(successes):
        rows[count] = offset_of(store, numbers[success])
        count += rows[count] != MISSING
    return count


@compiled
def find_next_rows(store, layout, recent, block, m):
    """Fill in ``block.next_rows``, the rows of (recent item, candidate): int64[count, m]."""
    scope, bits, keys = layout.numbers[NUMBERS_NEXT_SCOPE], store.bits, block.keys
    for earlier in range(recent.count):
        earlier_key = bits[recent.rows[earlier] + ROW_KEY]
        for row in range(m):
            item = block.items[row]
            is_pair = item != MISSING and item != recent.rows[earlier]
            key = row_key(scope, earlier_key, bits[item + ROW_KEY]) if is_pair else np.uint64(0)
            keys[earlier * m + row] = key
    width = shape_of(layout, scope, SHAPE_WIDTH)
    find_all(store, keys, recent.count * m, width, MISSING, block.next_rows)


@compiled
def fill_next(store, layout, instruction, visitor, recent, block, m):
    """Run NEXT: counts of each candidate following an earlier item, or shares of its successes.

    The code holds the word of the pairs' count, its half-life, the combination, and the word of the
    earlier item's count, or -1 for a plain count. NaN for a person without successes.
    """
    code, prior, out = instruction.code, instruction.constant, instruction.out
    words, at, epoch = store.words, visitor.at, visitor.epoch
    word, life, how, whole = code[1], code[2], code[3], code[4]
    factors = moved(visitor.factors, life * (AGES + 1))
    rate, epoch_ms, count = layout.rates[life], layout.reals[REALS_EPOCH_MS], recent.count
    for row in range(m):
        out[row] = 0.0 if count else np.nan
    for earlier in range(min(count, 1) if how == FIRST else count):
        total = 1.0
        if whole >= 0:
            item = recent.rows[earlier]
            age = age_of(words, item, at, epoch)
            total = words[item + whole] * decay(words, item, age, factors, at, rate, epoch_ms)
            total += prior
        pairs = moved(block.next_rows, earlier * m)
        for row in range(m):
            pair = pairs[row]
            if pair != MISSING:
                age = age_of(words, pair, at, epoch)
                factor = decay(words, pair, age, factors, at, rate, epoch_ms)
                out[row] += words[pair + word] * factor / total
