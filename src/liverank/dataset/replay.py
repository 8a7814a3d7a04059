"""Replay: reads the features of past rankings while the log is folded again.

A ranking that we served is read at its cut, from a fold in the order of arrival: its features are
those that the server computed. Any other is read as of its own time, from a fold in the order of
time: its features depend on the events before that time, whenever these reached the log.
Invariant: rows are computed by the same kernels from the same events as the served ones.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.lists.collected import AS_OF_TIME
from liverank.dataset.lists.lists import Lists
from liverank.dataset.rows import Rows
from liverank.features.monotonicity import directions_of
from liverank.features.spec import FeatureSpec, compile_spec
from liverank.features.state.sizes import Sizes
from liverank.features.state.state import Reads, State
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.features.stream.ragged import taken
from liverank.features.stream.time_order import TimeBounds, TimeSorter, in_time_order

REPLAY_COLUMNS = (
    "seq",
    "arrived",
    "event",
    "time",
    "user",
    "item",
    "state",
    "relation",
    "target",
    "active",
    "type",
    "value",
    "surface",
    "items",
    "fields",
)
"""Columns of a log's frames needed for a replay and for counting popularity."""


class Chunk(NamedTuple):
    """Features of some reads; ``lists`` int64[m] are their numbers, in the order of the rows.

    ``rows`` int64[k]: the indices of the rows among the items of all reads; ``features``
    float32[k, features].
    """

    lists: NDArray[np.int64]
    rows: NDArray[np.int64]
    features: NDArray[np.float32]


class ReplayHooks(NamedTuple):
    """Callbacks of a replay: ``on_progress`` gets the number of events that were just read.

    ``on_folded`` gets the sizes of the state, once for each order that was folded.
    """

    on_progress: Callable[[int], None] | None = None
    on_folded: Callable[[Sizes], None] | None = None


NO_HOOKS = ReplayHooks()


def replay(
    frames: Iterable[pl.DataFrame],
    spec: FeatureSpec,
    reads: Reads,
    *,
    max_future_ms: float,
    chunk_rows: int = 100_000,
    bounds: TimeBounds | None = None,
    hooks: ReplayHooks = NO_HOOKS,
) -> Iterator[Chunk]:
    """Fold the log's frames, in ``seq`` order, and read the rankings in between.

    Ends when all reads are done. ``bounds`` are from an earlier pass over the same log: later
    events are left out, and memory is bounded by how far the log is out of order.
    """
    if bounds is not None:
        last_seq = bounds.last_seq
        frames = (frame.filter(pl.col("seq") <= last_seq) for frame in frames)
    streams = (stream_of(frame, spec.layout, max_future_ms=max_future_ms) for frame in frames)
    return replay_streams(
        streams,
        spec,
        reads,
        chunk_rows=chunk_rows,
        bounds=bounds,
        hooks=hooks,
    )


def replay_streams(
    streams: Iterable[Stream],
    spec: FeatureSpec,
    reads: Reads,
    *,
    chunk_rows: int = 100_000,
    bounds: TimeBounds | None = None,
    hooks: ReplayHooks = NO_HOOKS,
) -> Iterator[Chunk]:
    """Like ``replay``, for events that are already arrays of hashes."""
    on_folded = hooks.on_folded
    streams = _counted(streams, hooks.on_progress)
    is_served = reads.before != AS_OF_TIME
    served, others = np.flatnonzero(is_served), np.flatnonzero(~is_served)
    served = served[np.lexsort((reads.at[served], reads.before[served]))]
    others = others[np.argsort(reads.at[others], kind="stable")]
    if not len(served):
        ordered = in_time_order(streams, bounds=bounds)
    else:
        sorter = TimeSorter() if len(others) else None
        arriving = streams if sorter is None else sorter.passing(streams)
        yield from _read_on_the_way(arriving, _by_seq, served, spec, reads, chunk_rows, on_folded)
        if sorter is None:
            return
        for _ in arriving:  # the reads are done, but sorting by time needs all events
            pass
        ordered = sorter.sorted()
    if len(others):
        yield from _read_on_the_way(ordered, _by_time, others, spec, reads, chunk_rows, on_folded)


def training_rows(
    frames: Iterable[pl.DataFrame],
    spec: FeatureSpec,
    lists: Lists,
    *,
    max_future_ms: float,
    on_progress: Callable[[int], None] | None = None,
    on_folded: Callable[[Sizes], None] | None = None,
) -> Rows:
    """Rows to train on: the seen items of the lists, float32[rows, features], in their order."""
    row_of_item = np.cumsum(lists.seen) - 1
    features = np.empty((int(np.count_nonzero(lists.seen)), len(spec.features)), np.float32)
    for chunk in replay(
        frames,
        spec,
        lists.reads,
        max_future_ms=max_future_ms,
        bounds=lists.bounds,
        hooks=ReplayHooks(on_progress, on_folded),
    ):
        seen = lists.seen[chunk.rows]
        features[row_of_item[chunk.rows[seen]]] = chunk.features[seen]
    sizes = lists.sizes
    return Rows(
        features=features,
        labels=lists.labels[lists.seen],
        rankings=np.repeat(np.arange(len(lists)), sizes)[lists.seen],
        at_ms=np.repeat(lists.reads.at, sizes)[lists.seen].astype(np.int64),
        names=spec.names,
        directions=directions_of(spec),
    )


_Key = Callable[[Stream | Reads], NDArray[np.int64] | NDArray[np.float64]]


def _by_seq(of: Stream | Reads) -> NDArray[np.int64]:
    """Sort key for the order of arrival of events and reads."""
    return of.seq if isinstance(of, Stream) else of.before


def _by_time(of: Stream | Reads) -> NDArray[np.float64]:
    """Sort key for the order of time of events and reads."""
    return of.at


def _read_on_the_way(
    streams: Iterable[Stream],
    key: _Key,
    lists: NDArray[np.int64],
    spec: FeatureSpec,
    reads: Reads,
    chunk_rows: int,
    on_folded: Callable[[Sizes], None] | None,
) -> Iterator[Chunk]:
    """Fold streams in the order of a key, and read these lists, which are in that order too.

    The features of a list depend on the events with a smaller key than its own.
    """
    offsets, rows = taken(reads.offsets, lists)
    wanted = Reads(
        before=reads.before[lists],
        user=reads.user[lists],
        at=reads.at[lists],
        request=reads.request[lists],
        offsets=offsets,
        items=reads.items[rows],
        positions=reads.positions[rows],
    )
    keys, program, state = key(wanted), compile_spec(spec), State(spec.layout)
    done = 0
    for stream in streams:
        before = np.searchsorted(key(stream), keys).astype(np.int64)
        indexed = replace(wanted, before=before)
        for first, last, features in state.replay(
            stream, indexed, done, program, chunk_rows=chunk_rows
        ):
            done = last
            if last > first:
                yield Chunk(lists[first:last], rows[offsets[first] : offsets[last]], features)
        if done == len(lists):
            break
    rest = state.read_rest(wanted, done, program)
    if len(rest):
        yield Chunk(lists[done:], rows[offsets[done] :], rest)
    if on_folded is not None:
        on_folded(state.sizes)


def _counted(
    streams: Iterable[Stream], on_progress: Callable[[int], None] | None
) -> Iterator[Stream]:
    """The streams, with the progress reported as each is read."""
    for stream in streams:
        if on_progress is not None:
            on_progress(len(stream))
        yield stream
