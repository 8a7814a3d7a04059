"""Kernels that find the candidates among which a person chose.

A window of time slides over the interactions, which are in order of time. An item is in the pool
while one of its interactions is in the window. Each interaction enters and leaves once, so the work
is linear in their number.
"""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.memory.index import mix


@compiled
def choices_of(time, items, chosen, within_ms, per_list, seed):
    """Candidates of chosen interactions: (offsets int64[c + 1], items int64[k], labels uint8[k]).

    ``time``, ``items`` int64[n] are all interactions in order of time (Unix ms), items as codes
    from 0; ``chosen`` int64[c] are numbers of interactions, ascending. The window holds the
    interactions at most ``within_ms`` before the chosen one, and none of the same millisecond.
    With ``per_list`` -1, a list has all items of the window, by code; else that many distinct
    items, drawn uniformly, with the chosen one at a random index, or none if the chosen item is not
    in the window or is alone there.
    """
    pool = _new_pool(items)
    slots, sizes = pool[1], pool[3]
    mark = np.full(slots.size, np.int64(-1))
    offsets = np.zeros(chosen.size + 1, np.int64)
    picked = np.empty(max(1024, chosen.size * max(per_list, 1)), np.int64)
    labels = np.zeros(picked.size, np.uint8)
    newest, oldest = np.int64(0), np.int64(0)  # the ends of the window
    for which in range(chosen.size):
        click = chosen[which]
        while newest < time.size and time[newest] < time[click]:
            _enter(pool, items[newest])
            newest += 1
        while oldest < newest and time[oldest] < time[click] - within_ms:
            _leave(pool, items[oldest])
            oldest += 1
        size = sizes[0]
        fill = offsets[which]
        right = items[click]
        wanted = size if per_list < 0 else min(per_list, size)
        if per_list >= 0 and (slots[right] < 0 or size < 2):
            wanted = 0
        if fill + wanted > picked.size:
            picked, labels = _longer(picked, fill + wanted), _longer(labels, fill + wanted)
        out = picked[fill : fill + wanted]
        if per_list < 0:
            out[:] = pool[2][:size]
            out.sort()
        elif wanted > 0:
            _sample(out, right, pool[2][:size], mark, click, mix(seed + np.uint64(which)))
        for row in range(fill, fill + wanted):
            labels[row] = picked[row] == right
        offsets[which + 1] = fill + wanted
    return offsets, picked[: offsets[-1]], labels[: offsets[-1]]


@compiled
def _new_pool(items):
    """An empty pool: (interactions in the window, slot or -1) by item, (item) by slot, [size]."""
    n_items = 0
    for item in items:
        n_items = max(n_items, item + 1)
    return (
        np.zeros(n_items, np.int64),
        np.full(n_items, np.int64(-1)),
        np.empty(n_items, np.int64),
        np.zeros(1, np.int64),
    )


@compiled
def _enter(pool, item):
    """Count one more interaction of the item in the window."""
    counts, slots, members, sizes = pool
    counts[item] += 1
    if counts[item] == 1:
        slots[item] = sizes[0]
        members[sizes[0]] = item
        sizes[0] += 1


@compiled
def _leave(pool, item):
    """Count one less; an item without any leaves the pool, and the last one takes its slot."""
    counts, slots, members, sizes = pool
    counts[item] -= 1
    if counts[item] == 0:
        sizes[0] -= 1
        moved = members[sizes[0]]
        members[slots[item]] = moved
        slots[moved] = slots[item]
        slots[item] = -1


@compiled
def _sample(out, right, pool, mark, tag, draws):
    """Fill ``out`` with the item ``right``, at a random index, and distinct others of the pool."""
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
