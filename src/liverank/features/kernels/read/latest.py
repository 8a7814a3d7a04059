"""Kernels for field values of the latest items of the hosts whom a person follows.

A host's row keeps some fields of its latest item. These kernels count the values over the followed
hosts, and look up a candidate's own values in the counts.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.fold.fold import list_size
from liverank.features.kernels.memory.index import MISSING, find_all, row_key, slot_of
from liverank.features.kernels.memory.offsets import (
    NUMBERS_COPIED_FIELDS,
    NUMBERS_LIFE_SCOPE,
    SHAPE_BASE,
)
from liverank.features.kernels.memory.pointers import keep, pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.read.pair_rows import pair_key
from liverank.features.layout.constants import LATEST_AT


class LatestValues(NamedTuple):
    """Values of the latest items of the hosts whom a person follows.

    ``values`` uint64[2**k] and ``hosts`` float64[2**k] are a hash map from a field and a value to
    the number of hosts; ``known`` is the number of hosts that have a latest item.
    """

    values: Any
    hosts: Any
    known: Any


@compiled
def latest_of(store, layout, targets):
    """The ``LatestValues`` of those hosts among ``targets``, uint64[n]."""
    words, scope = store.words, layout.numbers[NUMBERS_LIFE_SCOPE]
    keys, rows = np.empty(targets.size, np.uint64), np.empty(targets.size, np.int64)
    if targets.size:
        for index in range(targets.size):
            keys[index] = row_key(scope, targets[index], ONE)
        width = shape_of(layout, scope, SHAPE_BASE)
        find_all(store, pointer_to(keys), targets.size, width, MISSING, pointer_to(rows))
        keep((keys,))
    known, left = 0.0, 0
    for row in rows:
        if row != MISSING and words[row + LATEST_AT] > 0.0:
            known += 1.0
            for field in range(layout.numbers[NUMBERS_COPIED_FIELDS]):
                left += _values_in(store, layout, row, field)[1]
    size = 4
    while size < 2 * left:
        size *= 2
    values, hosts = np.zeros(size, np.uint64), np.zeros(size)
    for row in rows:
        if row == MISSING or not words[row + LATEST_AT] > 0.0:
            continue
        for field in range(layout.numbers[NUMBERS_COPIED_FIELDS]):
            first, count = _values_in(store, layout, row, field)
            for word in range(first, first + min(count, left)):
                part = store.bits[word]
                if part != np.uint64(0):
                    key = pair_key(field, part)
                    slot = slot_of(values, key)
                    values[slot] = key
                    hosts[slot] += 1.0
            left = max(left - count, 0)  # exceeded only in a torn read
    return LatestValues(values, hosts, known)


@compiled
def fill_latest(store, instruction, latest, block, m):
    """Run LATEST: how many hosts share a candidate's value of a field (mean over a list).

    With a ``constant`` of 0 or more, the count is divided by the known hosts plus the constant.
    """
    code, prior, out = instruction.code, instruction.constant, instruction.out
    values, hosts, bits = latest.values, latest.hosts, store.bits
    for row in range(m):
        out[row] = np.nan
        if block.items[row] == MISSING:
            continue
        first, count = block.items[row] + code[2], np.int64(1)
        if code[3]:
            count = list_size(store.words, first)
            first += 1
        total, elements = 0.0, 0.0
        for word in range(first, first + count):
            if bits[word] != np.uint64(0):
                total += hosts[slot_of(values, pair_key(code[1], bits[word]))]
                elements += 1.0
        if elements > 0.0:
            out[row] = total / elements
            if prior >= 0.0:
                out[row] /= latest.known + prior


@compiled
def _values_in(store, layout, row, field):
    """Location of a field's values in a host's row: (first word, number of values)."""
    copies = layout.copies
    first = row + copies[3 * field + 2]
    if copies[3 * field + 1] == 1:
        return first, np.int64(1)
    return first + 1, list_size(store.words, first)
