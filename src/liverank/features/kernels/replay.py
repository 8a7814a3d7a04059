"""The kernel that replays: folds a stream and, on the way, reads past rankings into rows."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold import fold
from liverank.features.kernels.read import read


@compiled
def replay(stream, begin, end, reads, next_read, last_read, store, layout, program, out, base):
    """Fold events ``begin`` to ``end``, and read each ranking before the event it precedes.

    ``reads`` is (before int64[r], user uint64[r], at float64[r], request uint64[r, words],
    offsets int64[r + 1], items uint64[k], positions float64[k]); ``before`` rises, and counts
    events from the stream's start. ``out`` float32[k', features] is filled; its
    first row stands for item ``base``. Returns the first event not folded and the first read not
    done.
    """
    before, user, at, request, offsets, items, positions = reads
    event = begin
    while True:
        while next_read < last_read and before[next_read] <= event:
            start, stop = offsets[next_read], offsets[next_read + 1]
            read(
                store,
                layout,
                program,
                user[next_read],
                at[next_read],
                request[next_read],
                items[start:stop],
                positions[start:stop],
                out[start - base : stop - base],
            )
            next_read += 1
        if event >= end:
            return event, next_read
        until = end
        if next_read < last_read:
            until = min(np.int64(end), before[next_read])
        folded = fold(stream, event, until, store, layout)
        if folded < until:
            return folded, next_read
        event = folded
