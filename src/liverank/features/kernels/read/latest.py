"""Kernels for what the hosts whom a person follows were about last.

The row of a host keeps some fields of its latest item. Here their values are counted over the hosts
whom a person follows, and a candidate's own values are looked up among them.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.memory.index import MISSING, find_all, row_key, slot_of
from liverank.features.kernels.memory.offsets import (
    BASE,
    BITS,
    COPIED,
    COPIES,
    LIFE_SCOPE,
    NUMBERS,
    WORDS,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.read.pair_rows import pair_key
from liverank.features.layout.layout import LATEST_AT


@compiled
def latest_of(store, layout, targets):
    """The values of the latest items of those hosts among ``targets``, uint64[n].

    Returns (values uint64[size] and hosts float64[size], a hash map from a field and a value to the
    number of hosts; the number of hosts with a latest item).
    """
    words, scope = store[WORDS], layout[NUMBERS][LIFE_SCOPE]
    keys, rows = np.empty(targets.size, np.uint64), np.empty(targets.size, np.int64)
    if targets.size:
        for place in range(targets.size):
            keys[place] = row_key(scope, targets[place], ONE)
        width = shape_of(layout, scope, BASE)
        find_all(store, pointer_to(keys), targets.size, width, MISSING, pointer_to(rows))
        keep((keys,))
    known, left = 0.0, 0
    for row in rows:
        if row != MISSING and words[row + LATEST_AT] > 0.0:
            known += 1.0
            for field in range(layout[NUMBERS][COPIED]):
                left += _values_in(store, layout, row, field)[1]
    size = 4
    while size < 2 * left:
        size *= 2
    values, hosts = np.zeros(size, np.uint64), np.zeros(size)
    for row in rows:
        if row == MISSING or not words[row + LATEST_AT] > 0.0:
            continue
        for field in range(layout[NUMBERS][COPIED]):
            first, count = _values_in(store, layout, row, field)
            for place in range(first, first + min(count, left)):
                part = store[BITS][place]
                if part != np.uint64(0):
                    key = pair_key(field, part)
                    slot = slot_of(values, key)
                    values[slot] = key
                    hosts[slot] += 1.0
            left = max(left - count, 0)  # more are there only in a torn read
    return values, hosts, known


@compiled
def fill_latest(store, code, prior, values, hosts, known, of_items, n, out):
    """Of a field of each candidate: how many hosts share its value, the mean over a list's.

    With a ``prior`` of 0 or more their share of ``known`` and ``prior`` hosts.
    """
    bits = store[BITS]
    for row in range(n):
        out[row] = np.nan
        if of_items[row] == MISSING:
            continue
        first, count = of_items[row] + code[2], np.int64(1)
        if code[3]:
            count = list_size(store[WORDS], first)
            first += 1
        total, elements = 0.0, 0.0
        for place in range(first, first + count):
            if bits[place] != np.uint64(0):
                total += hosts[slot_of(values, pair_key(code[1], bits[place]))]
                elements += 1.0
        if elements > 0.0:
            out[row] = total / elements
            if prior >= 0.0:
                out[row] /= known + prior


@compiled
def _values_in(store, layout, row, field):
    """Where a host's row keeps the values of a field, and how many."""
    copies = layout[COPIES]
    first = row + copies[3 * field + 2]
    if copies[3 * field + 1] == 1:
        return first, np.int64(1)
    return first + 1, list_size(store[WORDS], first)
