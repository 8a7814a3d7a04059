"""Kernels that make a person's rows of pairs from what they did lately, for one read.

A pair's row (user, item.host) counts what this person did with items of that host: for each type
the time of the last one and decayed counts as of the read, and the impressions since the last
success. The rows live in an arena of their own that is built like state's: a row of zeros, a row of
NaN, and an index by key. Entries are taken in order of time, so the same history gives the same
bits.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold import list_size
from liverank.features.kernels.history import history_of, time_of, type_of, value_of
from liverank.features.kernels.places import (
    BLOCKS,
    FIRST_LIFE,
    HALF_LIVES,
    HOW_2,
    IMPRESSION,
    IS_PAIR,
    LIFE_COUNT,
    LIST_PART,
    NUMBERS,
    OFFSET_2,
    PART_ITEM,
    POSITIVE,
    RATES,
    SCOPES,
    VALUED,
    WIDTH,
)
from liverank.features.kernels.rows import MISSING, mix, place_of
from liverank.features.layout import FATIGUE, KEY

VISITS, VISIT_GAP_D, AWAY_D, USUAL_HOUR, PERSON_NUMBERS = 0, 1, 2, 3, 4
"""Numbers of a person: visits remembered, days from one to the next, days since the last sign, and
the share of visits that began at about this time of day."""
_VISIT_GAP_MS = 1_800_000.0
_DAY_MS = 86_400_000.0
_USUAL_MS = 5_400_000.0
_USUAL_PRIOR = 1.0
_FATIGUE_RATE = 1.0 / _DAY_MS


@compiled
def portrait_of(store, layout, used, of_user, at):
    """A person's rows of the used pair scopes and their numbers.

    Returns (keys uint64[size], places int64[size], words float64[...], the place of the row of
    NaN) and float64[4]. ``used`` is bool[scopes].
    """
    words = store[5]
    entries, numbers = history_of(store, layout, of_user)
    person = _person(entries, at)
    rows = np.empty(entries.size, np.int64)
    total = 0
    for place in range(entries.size):
        rows[place] = place_of(store, numbers[place])
        for scope in range(layout[SCOPES].shape[0]):
            shape = layout[SCOPES][scope]
            if used[scope] and shape[IS_PAIR] == 1:
                total += (
                    list_size(words, rows[place] + shape[OFFSET_2]) if shape[LIST_PART] >= 0 else 1
                )
    width = _widest(layout, used)
    size = 4
    while size < 2 * total:
        size *= 2
    keys, places = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    own = np.zeros(width * (total + 2))
    own[width : 2 * width] = np.nan
    portrait = (keys, places, own, np.int64(width))
    filled = 2 * width
    weights = np.empty(layout[NUMBERS][HALF_LIVES])
    for place in range(entries.size):
        row = rows[place]
        if row == MISSING:
            continue
        entry = (type_of(entries[place]), time_of(entries[place]), value_of(entries[place]))
        since = max(at - entry[1], 0.0)
        for life in range(weights.size):
            weights[life] = np.exp2(-since * layout[RATES][life])
        for scope in range(layout[SCOPES].shape[0]):
            shape = layout[SCOPES][scope]
            if not used[scope] or shape[IS_PAIR] == 0:
                continue
            first = row + (KEY if shape[HOW_2] == PART_ITEM else shape[OFFSET_2])
            elements = 1
            if shape[LIST_PART] >= 0:
                elements = list_size(words, first)
                first += 1
            for element in range(elements):
                part = words.view(np.uint64)[first + element]
                if part != np.uint64(0):
                    filled = _add(portrait, layout, scope, part, entry, since, weights, filled)
    return portrait, person


@compiled
def find_pair(portrait, scope, part):
    """The place of the row of a pair scope and an entity; MISSING if there is none."""
    keys, places, _words, _unknown = portrait
    slot = _slot(keys, pair_key(scope, part))
    return places[slot] if keys[slot] != np.uint64(0) else MISSING


@compiled
def pair_key(scope, part):
    """The key of a pair's row; never 0."""
    key = mix(part + np.uint64(scope + 1) * np.uint64(0x9E3779B97F4A7C15))
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def _slot(keys, key):
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != key and keys[slot] != np.uint64(0):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _widest(layout, used):
    width = 1
    for scope in range(layout[SCOPES].shape[0]):
        if used[scope] and layout[SCOPES][scope, IS_PAIR] == 1:
            width = max(width, layout[SCOPES][scope, WIDTH])
    return width


@compiled
def _add(portrait, layout, scope, part, entry, since, weights, filled):
    """Count an entry in one row; returns where the next new row begins."""
    keys, places, words, _unknown = portrait
    type_, at, value = entry
    key = pair_key(scope, part)
    slot = _slot(keys, key)
    if keys[slot] == np.uint64(0):
        keys[slot], places[slot] = key, filled
        filled += layout[SCOPES][scope, WIDTH]
    row = places[slot]
    block = layout[BLOCKS][scope, type_]
    if block >= 0:
        first, lives = layout[SCOPES][scope, FIRST_LIFE], layout[SCOPES][scope, LIFE_COUNT]
        words[row + block] = max(at, 1.0)
        for life in range(lives):
            words[row + block + 1 + life] += weights[first + life]
        if layout[VALUED][scope, type_] and not np.isnan(value):
            for life in range(lives):
                words[row + block + 1 + lives + life] += weights[first + life] * value
    if layout[POSITIVE][type_]:
        words[row + FATIGUE] = 0.0
    elif type_ == layout[NUMBERS][IMPRESSION]:
        words[row + FATIGUE] += np.exp2(-since * _FATIGUE_RATE)
    return filled


@compiled
def _person(entries, at):
    """The numbers of a person whose history is in order of time."""
    person = np.full(PERSON_NUMBERS, np.nan)
    visits, usual, first, last_begun, last = 0.0, 0.0, np.nan, np.nan, -np.inf
    for entry in entries:
        time = time_of(entry)
        if time - last > _VISIT_GAP_MS:
            visits += 1.0
            last_begun = time
            if visits == 1.0:
                first = time
            apart = abs(at - time) % _DAY_MS
            if min(apart, _DAY_MS - apart) <= _USUAL_MS:
                usual += 1.0
        last = time
    person[VISITS] = visits
    if visits > 1.0:
        person[VISIT_GAP_D] = (last_begun - first) / (visits - 1.0) / _DAY_MS
    if visits > 0.0:
        person[AWAY_D] = max(at - last, 0.0) / _DAY_MS
    prior = _USUAL_PRIOR * 2.0 * _USUAL_MS / _DAY_MS
    person[USUAL_HOUR] = (usual + prior) / (visits + _USUAL_PRIOR)
    return person
