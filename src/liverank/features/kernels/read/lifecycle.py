"""Kernels for an item's age and state, and for the number of people in it now."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import is_over
from liverank.features.kernels.fold.presence import audience_at
from liverank.features.kernels.memory.index import MISSING
from liverank.features.kernels.memory.offsets import NUMBERS_LIFE_SCOPE, NUMBERS_WIDEST
from liverank.features.kernels.memory.pointers import moved
from liverank.features.kernels.opcodes import AGE, AUDIENCE_NOW, LIFE_LEFT, LIFE_STATE
from liverank.features.layout.constants import (
    ITEM_ENDED,
    ITEM_FIRST_SEEN,
    ITEM_SCHEDULED,
    ITEM_STARTED,
    LIFE_COUNT,
    LIFE_MS,
)

_PRIOR_LIVES = 2.0
"""Weight of the mean lifetime of all items, as a number of items of the host."""
_ANNOUNCED, _LIVE, _OVER = 0.0, 1.0, 2.0


@compiled
def fill_lives(store, layout, instruction, at, block, m):
    """Run AGE, AUDIENCE_NOW, LIFE_STATE or LIFE_LEFT for the candidates of a block."""
    code, out = instruction.code, instruction.out
    words, what = store.words, code[0]
    host_scope = layout.numbers[NUMBERS_LIFE_SCOPE]
    hosts = moved(block.rows, block.row_begins[max(host_scope, 0)])
    for row in range(m):
        item = block.items[row]
        out[row] = np.nan
        if item == MISSING:
            continue
        if what == AGE:
            since = words[item + ITEM_STARTED]
            if code[1] == ITEM_FIRST_SEEN or np.isnan(since):
                since = words[item + ITEM_FIRST_SEEN]
            out[row] = max(at - since, 0.0) / 1000.0
        elif what == AUDIENCE_NOW:
            out[row] = audience_at(store, layout, item, at)
        elif what == LIFE_STATE:
            out[row] = _state(words, item)
        elif what == LIFE_LEFT:
            everything = block.rows[0]  # the first scope is the one of all events
            typical_s = words[everything + LIFE_MS] / words[everything + LIFE_COUNT] / 1000.0
            if host_scope >= 0 and hosts[row] != layout.numbers[NUMBERS_WIDEST]:
                of_host_s = words[hosts[row] + LIFE_MS] / 1000.0
                typical_s = (of_host_s + _PRIOR_LIVES * typical_s) / (
                    words[hosts[row] + LIFE_COUNT] + _PRIOR_LIVES
                )
            out[row] = typical_s - (at - words[item + ITEM_STARTED]) / 1000.0


@compiled
def _state(words, item):
    """0 announced (also if announced again after its end), 1 live, 2 over; NaN where unknown."""
    started, ended = words[item + ITEM_STARTED], words[item + ITEM_ENDED]
    if is_over(words, item):
        return _OVER
    if not np.isnan(started) and not ended >= started:
        return _LIVE
    return np.nan if np.isnan(words[item + ITEM_SCHEDULED]) else _ANNOUNCED
