"""The kernel that folds events and reads past rankings on the way."""

from liverank.compiled import compiled
from liverank.features.kernels.fold.fold import fold_events
from liverank.features.kernels.memory.pointers import layout_pointers, store_pointers
from liverank.features.kernels.read.read import read_rows


@compiled
def replay(
    stream, begin, end, reads, next_read, last_read, store_arrays, layout_arrays, program, out
):
    """Fold events ``begin`` to ``end``, and read each ranking before the event it precedes.

    ``reads`` is (before int64[r], user uint64[r], at float64[r], request uint64[r, words],
    offsets int64[r + 1], items uint64[k], positions float64[k]); ``before`` rises, and counts
    events from the stream's start. ``out`` float32[k', features] is filled with the reads
    ``next_read`` to ``last_read``.
    """
    before, user, at, request, offsets, items, positions = reads
    store, layout = store_pointers(store_arrays), layout_pointers(layout_arrays)
    base = offsets[next_read]
    event = begin
    for place in range(next_read, last_read):
        until = min(max(before[place], event), end)
        fold_events(stream, event, until, store, layout)
        event = until
        start, stop = offsets[place], offsets[place + 1]
        if start < stop:
            read_rows(
                store,
                layout,
                program,
                user[place],
                at[place],
                request[place],
                items[start:stop],
                positions[start:stop],
                out[start - base : stop - base],
            )
    fold_events(stream, event, end, store, layout)
