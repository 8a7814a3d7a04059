"""The kernel that finds what could have been chosen when something was."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.rows import mix


@compiled
def choices_of(time, items, chosen, within_ms, per_list, seed):
    """Candidates of chosen interactions: (offsets int64[c + 1], items int64[k], labels uint8[k]).

    ``time``, ``items`` int64[n] are all interactions in the order of the log, items as codes from
    0; ``chosen`` int64[c] rises. ``per_list`` -1 gives all items with an interaction in the window
    before; else so many distinct ones, the chosen one at a random place, or none if that one is
    not among the candidates.
    """
    n_items = 0
    for item in items:
        n_items = max(n_items, item + 1)
    last = np.full(n_items, np.int64(-1))
    pool = np.empty(n_items, np.int64)
    mark = np.full(n_items, np.int64(-1))
    offsets = np.zeros(chosen.size + 1, np.int64)
    picked = np.empty(max(1024, chosen.size * max(per_list, 1)), np.int64)
    labels = np.zeros(picked.size, np.uint8)
    place = 0
    for which in range(chosen.size):
        click = chosen[which]
        while place < click:
            last[items[place]] = max(last[items[place]], time[place])
            place += 1
        since = time[click] - within_ms
        size = 0
        for item in range(n_items):
            if last[item] >= since and last[item] >= 0:
                pool[size] = item
                size += 1
        fill = offsets[which]
        right = items[click]
        known = last[right] >= since and last[right] >= 0
        wanted = size if per_list < 0 else min(per_list, size)
        if per_list >= 0 and not known:
            wanted = 0
        if fill + wanted > picked.size:
            picked, labels = _longer(picked, fill + wanted), _longer(labels, fill + wanted)
        if per_list < 0:
            picked[fill : fill + size] = pool[:size]
        elif wanted > 0:
            draws = mix(seed + np.uint64(which))
            out = picked[fill : fill + wanted]
            _sample(out, right, pool[:size], mark, click, draws)
        for row in range(fill, fill + wanted):
            labels[row] = picked[row] == right
        offsets[which + 1] = fill + wanted
    return offsets, picked[: offsets[-1]], labels[: offsets[-1]]


@compiled
def _sample(out, right, pool, mark, tag, draws):
    """Fill ``out`` with the right item, at a random place, and distinct others of the pool."""
    mark[right] = tag
    out[0] = right
    filled = 1
    tries = 0
    while filled < out.size:
        tries += 1
        item = pool[mix(draws + np.uint64(tries)) % np.uint64(pool.size)]
        if mark[item] != tag:
            mark[item] = tag
            out[filled] = item
            filled += 1
    swap = mix(draws) % np.uint64(out.size)
    out[0], out[swap] = out[swap], out[0]


@compiled
def _longer(values, least):
    longer = np.zeros(max(least, 2 * values.size), values.dtype)
    longer[: values.size] = values
    return longer
