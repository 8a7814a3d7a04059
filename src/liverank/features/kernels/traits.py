"""Kernels for what fields, lives, audiences and those a person follows say of a candidate."""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.fold import list_size
from liverank.features.kernels.following import is_followed, people_in
from liverank.features.kernels.places import LIFE_SCOPE, NUMBERS, WIDEST
from liverank.features.kernels.presence import audience_at
from liverank.features.kernels.rows import MISSING
from liverank.features.kernels.values import shared
from liverank.features.layout import (
    ENDED,
    FIRST_SEEN,
    ITEM,
    LIFE_S,
    LIVES,
    NUMBER,
    REQUEST,
    SCHEDULED,
    STARTED,
)

FIELD, LEVEL, SAME, AGE = op.FIELD, op.LEVEL, op.SAME, op.AGE
FOLLOWED, HERE, AUDIENCE_NOW = op.FOLLOWED, op.HERE, op.AUDIENCE_NOW
LIFE_LEFT, LIFE_STATE = op.LIFE_LEFT, op.LIFE_STATE
_PRIOR_LIVES = 2.0
"""Lives that the length of all lives weighs as much as."""
_ALL_SCOPE = 0
_ANNOUNCED, _LIVE, _OVER = 0.0, 1.0, 2.0


@compiled
def fill_traits(words, layout, program, code, request, following, columns, out):
    """Run one instruction for every candidate. ``request`` is (at, words, user, items)."""
    at, request_bits, of_user, of_items = request
    bits = words.view(np.uint64)
    levels = program[2]
    what = code[0]
    for row in range(out.size):
        item = of_items[row]
        out[row] = np.nan
        if what in (FIELD, LEVEL):
            source, base = _entity(bits, request_bits, code[1], of_user, item)
            if base < 0:
                continue
            if what == LEVEL:
                if source[base + code[2]] != np.uint64(0):
                    for level in range(code[3], code[4]):
                        if levels[level] == source[base + code[2]]:
                            out[row] = level - code[3]
            else:
                value = source[base + code[2] : base + code[2] + 1].view(np.float64)[0]
                out[row] = (at - value) / 1000.0 if code[3] else value
        elif what == SAME:
            left, left_base = _entity(bits, request_bits, code[1], of_user, item)
            right, right_base = _entity(bits, request_bits, code[4], of_user, item)
            if left_base >= 0 and right_base >= 0:
                out[row] = shared(
                    left, left_base + code[2], code[3], right, right_base + code[5], code[6]
                )
        elif item == MISSING:
            continue
        elif what == AGE:
            since = words[item + STARTED]
            if code[1] == FIRST_SEEN or np.isnan(since):
                since = words[item + FIRST_SEEN]
            out[row] = max(at - since, 0.0) / 1000.0
        elif what == FOLLOWED:
            out[row] = _followed(words, following, item + code[1], code[2])
        elif what == HERE:
            out[row] = people_in(following, words.view(np.int64)[item + NUMBER])
        elif what == AUDIENCE_NOW:
            out[row] = audience_at(words, layout, item, at)
        elif what == LIFE_STATE:
            out[row] = _state(words, item)
        elif what == LIFE_LEFT:
            out[row] = _left(words, layout, columns, row, item, at)


@compiled
def _entity(bits, request_bits, entity, of_user, of_item):
    """Where an entity's words are: the array, and the first word, or -1 for an unknown entity."""
    if entity == REQUEST:
        return request_bits, np.int64(0)
    row = of_item if entity == ITEM else of_user
    return bits, row if row != MISSING else np.int64(-1)


@compiled
def _followed(words, following, place, is_list):
    """How many of a field's values a person follows; NaN where the field is unknown."""
    bits = words.view(np.uint64)
    if not is_list:
        if bits[place] == np.uint64(0):
            return np.nan
        return 1.0 if is_followed(following, bits[place]) else 0.0
    if np.isnan(words[place]):
        return np.nan
    total = 0.0
    for element in range(list_size(words, place)):
        if is_followed(following, bits[place + 1 + element]):
            total += 1.0
    return total


@compiled
def _state(words, item):
    """Announced, live or over, by the latest of an item's states; NaN where none was told."""
    started, ended, announced = words[item + STARTED], words[item + ENDED], words[item + SCHEDULED]
    if not np.isnan(ended) and not started > ended and not announced > ended:
        return _OVER
    if not np.isnan(started):
        return _LIVE
    return np.nan if np.isnan(announced) else _ANNOUNCED


@compiled
def _left(words, layout, columns, row, item, at):
    """Seconds until items of this host typically end, negative beyond; NaN before the start."""
    begins, _starts, places, _ages, _factors = columns
    everything = places[begins[_ALL_SCOPE]]
    typical_s = words[everything + LIFE_S] / words[everything + LIVES]
    scope = layout[NUMBERS][LIFE_SCOPE]
    if scope >= 0:
        host = places[begins[scope] + row]
        if host != layout[NUMBERS][WIDEST]:
            typical_s = (words[host + LIFE_S] + _PRIOR_LIVES * typical_s) / (
                words[host + LIVES] + _PRIOR_LIVES
            )
    return typical_s - (at - words[item + STARTED]) / 1000.0
