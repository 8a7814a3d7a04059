"""Replay: the features of past rankings, read while the log is folded again.

Invariant: rows come from the same kernels, over the same events, as the ones that were served.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.lists import Lists
from liverank.dataset.rows import Rows
from liverank.features.directions import directions_of
from liverank.features.spec import FeatureSpec, compile_spec
from liverank.features.state import Reads, State
from liverank.features.stream import Stream, stream_of


class Chunk(NamedTuple):
    """Features of the reads ``first`` to ``last``: float32[k, features]."""

    first: int
    last: int
    features: NDArray[np.float32]


def replay(
    frames: Iterable[pl.DataFrame],
    spec: FeatureSpec,
    reads: Reads,
    *,
    max_future_ms: float,
    chunk_rows: int = 100_000,
    on_progress: Callable[[int], None] | None = None,
    state: State | None = None,
) -> Iterator[Chunk]:
    """Fold the log's frames, in ``seq`` order, and read the rankings on the way.

    Ends when all reads are done. ``on_progress`` is told how many events were folded. A ``state``,
    which must be empty, is what is folded into, for callers that look at it afterwards.
    """
    streams = (stream_of(frame, spec.layout, max_future_ms=max_future_ms) for frame in frames)
    return replay_streams(
        streams, spec, reads, chunk_rows=chunk_rows, on_progress=on_progress, state=state
    )


def replay_streams(
    streams: Iterable[Stream],
    spec: FeatureSpec,
    reads: Reads,
    *,
    chunk_rows: int = 100_000,
    on_progress: Callable[[int], None] | None = None,
    state: State | None = None,
) -> Iterator[Chunk]:
    """The same for events that are arrays of hashes already."""
    program = compile_spec(spec)
    state = State(spec.layout) if state is None else state
    done = 0
    if len(reads) == 0:
        return
    for stream in streams:
        for first, last, features in state.replay(
            stream, reads, done, program, chunk_rows=chunk_rows
        ):
            done = last
            if last > first:
                yield Chunk(first, last, features)
        if on_progress is not None:
            on_progress(len(stream))
        if done == len(reads):
            return
    rest = state.read_rest(reads, done, program)
    if len(rest):
        yield Chunk(done, len(reads), rest)


def training_rows(
    frames: Iterable[pl.DataFrame],
    spec: FeatureSpec,
    lists: Lists,
    *,
    max_future_ms: float,
    on_progress: Callable[[int], None] | None = None,
    state: State | None = None,
) -> Rows:
    """Rows to learn from: the seen items of the lists, float32[rows, features]."""
    kept = int(np.count_nonzero(lists.seen))
    features = np.empty((kept, len(spec.features)), np.float32)
    filled = 0
    for chunk in replay(
        frames,
        spec,
        lists.reads,
        max_future_ms=max_future_ms,
        on_progress=on_progress,
        state=state,
    ):
        start, stop = lists.reads.offsets[[chunk.first, chunk.last]]
        seen = lists.seen[start:stop]
        count = int(np.count_nonzero(seen))
        features[filled : filled + count] = chunk.features[seen]
        filled += count
    sizes = lists.sizes
    ids = np.repeat(np.arange(len(lists)), sizes)[lists.seen]
    # a clock may run behind the order of arrival; rows go by the latest clock so far
    at = np.repeat(np.maximum.accumulate(lists.reads.at), sizes)[lists.seen].astype(np.int64)
    return Rows(
        features=features,
        labels=lists.labels[lists.seen],
        rankings=ids,
        at_ms=at,
        names=spec.names,
        directions=directions_of(spec),
    )
