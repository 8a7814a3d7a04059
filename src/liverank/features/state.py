"""Feature state: a fold of the log that can be read at a time.

One writer folds, in log order; the state after event ``seq`` depends on nothing but the events up
to it. Invariant: folding the same events in any batches gives the same bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.features.instructions import Program
from liverank.features.kernels.fold import fold, most_added
from liverank.features.kernels.read import read
from liverank.features.kernels.replay import replay
from liverank.features.kernels.rows import rehash
from liverank.features.layout import Layout
from liverank.features.layout_arrays import arrays_of
from liverank.features.stream import Stream

_INITIAL_ROWS = 1 << 12
_INITIAL_WORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Reads:
    """Past rankings whose features a replay reads, ``r`` of them with ``k`` candidates in all.

    ``before``    int64[r], rising: the ``seq`` of the first event that the read must not see
    ``user``      uint64[r]
    ``at``        float64[r]: Unix ms
    ``request``   uint64[r, request words]
    ``offsets``   int64[r + 1]: where each one's candidates start
    ``items``     uint64[k]
    ``positions`` float64[k]: from 0, as served
    """

    before: NDArray[np.int64]
    user: NDArray[np.uint64]
    at: NDArray[np.float64]
    request: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    items: NDArray[np.uint64]
    positions: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.before)


class State:
    """Entities' attributes and decayed counters, in a layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.seq = 0
        """The ``seq`` of the last event folded."""
        self.clamped = 0
        """Events folded whose clock ran ahead."""
        self._keys = np.zeros(_INITIAL_ROWS, np.uint64)
        self._places = np.zeros(_INITIAL_ROWS, np.int64)
        self._words = np.zeros(_INITIAL_WORDS)
        self._used = np.zeros(2, np.int64)
        self._layout_arrays = layout_tuple(layout)

    @property
    def rows(self) -> int:
        """Rows of entities and counters."""
        return int(self._used[0])

    @property
    def bytes(self) -> int:
        """Memory in use, in bytes."""
        return int(self._used[0]) * 16 + int(self._used[1]) * 8

    def fold(self, stream: Stream) -> None:
        """Fold the next events of the log."""
        begin, end, arrays = 0, len(stream), stream_tuple(stream)
        while begin < end:
            begin = fold(arrays, begin, end, self._store, self._layout_arrays)
            if begin < end:
                self._grow(stream, begin)
        self._folded(stream)

    def read(
        self,
        program: Program,
        *,
        user: int,
        at_ms: float,
        items: NDArray[np.uint64],
        request: NDArray[np.uint64],
        positions: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Features of the candidates of one request, float32[n, features].

        ``user`` and ``items`` uint64[n] are hashes, ``request`` uint64[request words],
        ``positions`` float64[n], or [1] where all have the same.
        """
        out = np.empty((len(items), len(program.outputs)), np.float32)
        read(
            self._store,
            self._layout_arrays,
            program_tuple(program),
            np.uint64(user),
            at_ms,
            request,
            items,
            positions,
            out,
        )
        return out

    def replay(
        self, stream: Stream, reads: Reads, next_read: int, program: Program, *, chunk_rows: int
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Fold the next events, reading past rankings on the way.

        Yields (first read, first read not done, their rows float32[k, features]) with about
        ``chunk_rows`` rows each; the fold is complete when the iteration ends.
        """
        begin, arrays = 0, stream_tuple(stream)
        before = np.searchsorted(stream.seq, reads.before).astype(np.int64)
        arguments = (before, *reads_tuple(reads)[1:])
        due = int(np.searchsorted(before, len(stream)))  # later ones wait for the next events
        while begin < len(stream) or next_read < due:
            base = int(reads.offsets[next_read])
            last = int(np.searchsorted(reads.offsets, base + chunk_rows, side="right")) - 1
            last = min(max(last, next_read + 1), due)
            end = len(stream) if last == due else int(before[last])
            out = np.empty((int(reads.offsets[last]) - base, len(program.outputs)), np.float32)
            place = next_read
            while True:
                begin, place = replay(
                    arrays,
                    begin,
                    end,
                    arguments,
                    place,
                    last,
                    self._store,
                    self._layout_arrays,
                    program_tuple(program),
                    out,
                    base,
                )
                if begin >= end:
                    break
                self._grow(stream, begin)
            yield next_read, last, out
            next_read = last
        self._folded(stream)

    def read_rest(self, reads: Reads, next_read: int, program: Program) -> NDArray[np.float32]:
        """The rows of reads that come after all events, float32[k, features]."""
        rows = [
            self.read(
                program,
                user=int(reads.user[place]),
                at_ms=float(reads.at[place]),
                items=reads.items[reads.offsets[place] : reads.offsets[place + 1]],
                request=reads.request[place],
                positions=reads.positions[reads.offsets[place] : reads.offsets[place + 1]],
            )
            for place in range(next_read, len(reads))
        ]
        return np.concatenate(rows) if rows else np.empty((0, len(program.outputs)), np.float32)

    @property
    def _store(self) -> tuple[NDArray[Any], ...]:
        return self._keys, self._places, self._words, self._used

    def _folded(self, stream: Stream) -> None:
        if len(stream):
            self.seq = int(stream.seq[-1])
            self.clamped += stream.clamped

    def _grow(self, stream: Stream, event: int) -> None:
        """Make room for one more event at least, at twice the size or more."""
        items = stream.items_offsets[event + 1] - stream.items_offsets[event]
        rows, row_words = most_added(self._layout_arrays, items)
        if self._used[0] + rows >= self._keys.size * 6 // 10:
            size = self._keys.size
            while self._used[0] + rows >= size * 6 // 10:
                size *= 2
            keys, places = np.zeros(size, np.uint64), np.zeros(size, np.int64)
            rehash(self._keys, self._places, keys, places)
            self._keys, self._places = keys, places
        needed = int(self._used[1]) + row_words
        if needed >= self._words.size:
            words = np.zeros(max(2 * self._words.size, needed + 1))
            words[: self._used[1]] = self._words[: self._used[1]]
            self._words = words


def layout_tuple(layout: Layout) -> tuple[NDArray[Any], ...]:
    """The layout's arrays in the order kernels take them."""
    arrays = arrays_of(layout)
    return (
        arrays.parts,
        arrays.widths,
        arrays.rates,
        arrays.rate_counts,
        arrays.numbers,
        arrays.positive,
        arrays.new_user,
        arrays.new_item,
        arrays.slots,
    )


def stream_tuple(stream: Stream) -> tuple[NDArray[Any], ...]:
    """The stream's arrays in the order kernels take them."""
    return (
        stream.kind,
        stream.state,
        stream.at,
        stream.user,
        stream.item,
        stream.type,
        stream.also,
        stream.set_offsets,
        stream.set_word,
        stream.set_value,
        stream.items_offsets,
        stream.items,
    )


def program_tuple(program: Program) -> tuple[NDArray[Any], ...]:
    """The program's arrays in the order kernels take them."""
    return program.code, program.constants, program.levels, program.outputs, program.scopes


def reads_tuple(reads: Reads) -> tuple[NDArray[Any], ...]:
    """The reads' arrays in the order kernels take them."""
    return (
        reads.before,
        reads.user,
        reads.at,
        reads.request,
        reads.offsets,
        reads.items,
        reads.positions,
    )
