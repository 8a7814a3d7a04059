"""The kernel that folds events and reads the features of past rankings in between."""

from liverank.compiled import compiled
from liverank.features.kernels.fold.fold import fold_events
from liverank.features.kernels.memory.pointers import layout_pointers, store_pointers
from liverank.features.kernels.read.read import read_rows


@compiled
def replay(stream, events, reads, due, arrays, program, out):
    """Fold events, and read each ranking before the event it precedes.

    ``events`` is (begin, end) in the stream, ``due`` (first, last) in the reads. ``reads`` is
    (before int64[r], user uint64[r], at float64[r], request uint64[r, words], offsets int64[r + 1],
    items uint64[k], positions float64[k]); ``before`` is ascending, in events from the stream's
    start. ``arrays`` holds the arrays of a store and a layout, ``program`` those of a ``Program``.
    ``out`` float32[k', features] is filled with the reads that are due.
    """
    before, user, at, request, offsets, items, positions = reads
    begin, end = events
    first, last = due
    store, layout = store_pointers(arrays[0]), layout_pointers(arrays[1])
    base = offsets[first]
    event = begin
    for ranking in range(first, last):
        until = min(max(before[ranking], event), end)
        fold_events(stream, event, until, store, layout)
        event = until
        start, stop = offsets[ranking], offsets[ranking + 1]
        if start < stop:
            of_ranking = (
                user[ranking],
                at[ranking],
                request[ranking],
                items[start:stop],
                positions[start:stop],
            )
            read_rows(store, layout, program, of_ranking, out[start - base : stop - base])
    fold_events(stream, event, end, store, layout)
